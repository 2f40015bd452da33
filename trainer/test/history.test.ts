import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseHistory } from "../../src/history/history.ts";
import { History } from "../src/history.ts";
import { createProgress } from "../src/progress.ts";
import { isRecorded, recordRun } from "../src/record.ts";
import { defaults } from "../src/settings.ts";
import type { Checkpoint } from "../src/train.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "record-"));
});
afterEach(() => rm(directory, { recursive: true }));

const checkpoint = (step: number, loss: number): Checkpoint => ({
  step,
  learningRate: 0.01,
  weightNorm: 5,
  splits: new Map([["train", { correct: 3, total: 4, loss }]]),
  weights: new Map([
    ["bias", { shape: [2], values: Float32Array.of(0, 0) }],
    ["w", { shape: [2, 2], values: Float32Array.of(3, 0, 0, 4) }],
  ]),
  onnx: new Uint8Array(),
  state: async () => ({ step, values: new Map() }),
});

test("a row per checkpoint, a cell per measurement, and nothing where a number is not finite", () => {
  const history = new History();
  history.add(checkpoint(0, 1 / 3));
  history.add(checkpoint(10, Number.POSITIVE_INFINITY));
  // Singular values 4 and 3: shares 4/7 and 3/7, entropy .68291 nats. Two eigenvalues are too few for a power law.
  expect(history.toCsv().split("\n")).toEqual([
    "step,train_correct,train_total,train_loss,weight_norm,layer:w_norm,layer:w_effective_rank,layer:w_alpha",
    "0,3,4,0.333333,5,5,1.97963,",
    "10,3,4,,5,5,1.97963,",
    "",
  ]);
});

test("a recorded run is what judge reads, its training set shrinks where the settings say, and it repeats", async () => {
  const settings = {
    ...defaults,
    ...{ modulus: 7, cornerSide: 2, mirrorPairs: 4, embedding: 12, hidden: 16, steps: 6, every: 2 },
    trainUsed: [
      [0, 1],
      [3, 0.5],
    ] as const,
  };
  const files = ["a", "b"].map((name) => join(directory, "runs", `${name}.csv.gz`));
  const shown: string[] = [];
  for (const file of files) await recordRun(file, settings, createProgress({ write: (text) => shown.push(text) }, 6));
  expect(await readdir(join(directory, "runs"))).toEqual(["a.csv.gz", "b.csv.gz"]);
  const [first = "", second = ""] = await Promise.all(
    files.map(async (file) => gunzipSync(await readFile(file)).toString()),
  );
  expect(second).toBe(first);
  // Each run says where it is, beyond a terminal at its first checkpoint and its last.
  expect(shown.map((line) => line.slice(0, 8))).toEqual(["step 0/6", "step 6/6", "step 0/6", "step 6/6"]);

  const points = parseHistory(first);
  expect(points.map(({ step }) => step)).toEqual([0, 2, 4, 6]);
  expect(Object.keys(points[0]?.splits ?? {})).toEqual(["train", "validation", "ood:corner", "ood:mirror"]);
  expect(points.map(({ splits }) => splits["train"]?.total)).toEqual([24, 24, 12, 12]);
  const columns = first
    .split("\n")[0]
    ?.split(",")
    .filter((column) => column.startsWith("layer:"));
  const layers = ["embedding.a", "embedding.b", "hidden.weight", "output.weight"];
  expect(columns).toEqual(
    layers.flatMap((layer) => ["norm", "effective_rank", "alpha"].map((kind) => `layer:${layer}_${kind}`)),
  );
});

test("a recorded run says which backend auto took, and why", async () => {
  let told = "";
  const progress = createProgress({ write: (text) => (told += text) }, 1);
  const settings = { ...defaults, modulus: 7, cornerSide: 2, mirrorPairs: 4, steps: 1, backend: "auto" as const };
  await recordRun(join(directory, "run.csv"), settings, progress);
  expect(told).toMatch(/^backend [\w-]+, the fastest of: /);
}, 60_000);

test("a run that failed leaves nothing that looks recorded", async () => {
  const file = join(directory, "run.csv");
  await expect(recordRun(file, { ...defaults, modulus: 49 })).rejects.toThrow("must be a prime");
  expect(await isRecorded(file)).toBe(false);
});
