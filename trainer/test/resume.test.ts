import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readStateFile, writeStateFile } from "../src/files.ts";
import { createProgress } from "../src/progress.ts";
import { always } from "../src/stepwise.ts";
import { defaults, type Settings, train } from "../src/train.ts";
import type { TrainingState } from "../src/training-state.ts";
import { trainWatched } from "../src/watched.ts";
import { startTrainer } from "./commands.ts";
import { pushedSteps, startService } from "./local-server.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "resume-"));
});
afterEach(() => rm(directory, { recursive: true }));

const small: Settings = {
  ...defaults,
  ...{ modulus: 7, cornerSide: 2, mirrorPairs: 4, embedding: 8, hidden: 12, steps: 8, every: 2 },
};

describe("a run that goes on from a state on disk has the bytes of one that never stopped", () => {
  test.each<{ name: string; settings: Partial<Settings> }>([
    { name: "AdamW", settings: {} },
    { name: "Adam", settings: { optimizer: "adam" } },
    { name: "SGD", settings: { optimizer: "sgd" } },
    { name: "Muon", settings: { optimizer: "muon" } },
    { name: "the transformer", settings: { network: "transformer" } },
    { name: "two blocks with LayerNorm", settings: { network: "transformer", layers: 2, layerNorm: "post" } },
    { name: "the quadratic network", settings: { network: "quadratic", loss: "squared-error" } },
    { name: "two hidden layers under Muon", settings: { layers: 2, optimizer: "muon" } },
    {
      name: "batches, warm-up and a cosine",
      settings: { batch: 5, warmUp: 6, decayFrom: 2, decayTo: 7, decayShape: "cosine" },
    },
    { name: "StableMax with the orthogonal gradient", settings: { loss: "stablemax", gradientFilter: "orthogonal" } },
    { name: "Grokfast under Muon", settings: { optimizer: "muon", gradientFilter: "grokfast-ema" } },
    { name: "Grokfast EMA", settings: { gradientFilter: "grokfast-ema" } },
    { name: "Grokfast MA", settings: { gradientFilter: "grokfast-ma", grokfastWindow: 3 } },
    {
      name: "schedules that change at that step and beside it, in batches",
      settings: {
        batch: 5,
        trainUsed: [...always(1), [4, 0.5]],
        corruption: [...always(0), [3, 0.25], [6, 0.5]],
        rateFactor: [...always(1), [5, 0.5]],
        weightDecay: [...always(1), [4, 0]],
        hint: "wrong",
        leak: 0.5,
      },
    },
  ])("$name, from each of its checkpoints", async ({ settings: some }) => {
    const settings = { ...small, every: 1, ...some };
    const run = async (from: TrainingState | null, onState: (state: TrainingState) => Promise<void>) => {
      const files = new Map<number, string>();
      await train(
        settings,
        {
          async onCheckpoint({ step, onnx, splits, state }) {
            files.set(step, Buffer.from(onnx).toString("base64") + JSON.stringify([...splits]));
            await onState(await state());
          },
        },
        from,
      );
      return files;
    };
    const folderOf = (step: number) => join(directory, String(step));
    const whole = await run(null, async (state) => {
      await mkdir(folderOf(state.step));
      await writeStateFile(folderOf(state.step), state, settings);
    });
    expect([...whole.keys()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(new Set(whole.values()).size).toBe(whole.size);
    for (const start of whole.keys()) {
      const resumed = await run(await readStateFile(folderOf(start), settings), async () => {});
      const wanted = [...whole].slice(start);
      expect([...resumed.keys()]).toEqual(wanted.map(([step]) => step));
      for (const [step, file] of wanted) expect(resumed.get(step) === file, `step ${step} from ${start}`).toBe(true);
    }
  });
});

test("other settings are refused by name, and a longer run is not", async () => {
  await train(small, { onCheckpoint: async ({ state }) => writeStateFile(directory, await state(), small) });
  await expect(readStateFile(directory, { ...small, learningRate: 0.5 })).rejects.toThrow(
    "trained with learningRate 0.01, not 0.5",
  );
  expect((await readStateFile(directory, { ...small, steps: 20 }))?.step).toBe(8);
  expect(await readStateFile(join(directory, "none"), small)).toBeNull();
});

test.each([
  ["garbage", "the file ends before its header"],
  ["", "the file ends before its header"],
  ["\u0002\0\0\0\0\0\0\0{]", "JSON"],
])("a state of %j is refused with the file and what is to be done", async (text, says) => {
  await writeFile(join(directory, "state.safetensors"), text);
  const reading = readStateFile(directory, small);
  await expect(reading).rejects.toThrow(`${join(directory, "state.safetensors")} is no state to go on from: `);
  await expect(reading).rejects.toThrow(says);
  await expect(reading).rejects.toThrow("without it the run starts anew");
});

test("a state that is older than a setting had its usual value", async () => {
  const { layers: _, ...older } = small;
  await train(small, {
    onCheckpoint: async ({ state }) => writeStateFile(directory, await state(), older as Settings),
  });
  expect((await readStateFile(directory, small))?.step).toBe(8);
  await expect(readStateFile(directory, { ...small, layers: 2 })).rejects.toThrow("trained with layers 1, not 2");
});

/** Long enough to be killed on the way. */
const flags = "--modulus 7 --corner-side 2 --mirror-pairs 4 --embedding 8 --hidden 12 --steps 1600 --every 100".split(
  " ",
);

test("killed in the middle and started again, the command writes what it would have written", async () => {
  const grok = (out: string) => startTrainer("src/grok.ts", ["--out", out, "--resume", ...flags]);
  const [whole, killed] = [join(directory, "whole"), join(directory, "killed")];
  expect((await grok(whole).ended).code).toBe(0);

  const first = grok(killed);
  const has = async (name: string) => (await readdir(killed).catch((): string[] => [])).includes(name);
  while (!(await has("ckpt_000200.json"))) await setTimeout(2);
  first.child.kill("SIGKILL");
  expect((await first.ended).signal).toBe("SIGKILL");
  expect(await has("ckpt_001600.onnx")).toBe(false);

  expect((await grok(killed).ended).code).toBe(0);
  for (const name of await readdir(whole)) {
    const [wanted, got] = await Promise.all([whole, killed].map((directory) => readFile(join(directory, name))));
    expect(got?.equals(wanted ?? Buffer.alloc(0)), name).toBe(true);
  }
}, 180_000);

test("what was measured before the kill is pushed again, before what is new", async () => {
  const quiet = createProgress({ write: () => true }, small.steps);
  await trainWatched({ settings: { ...small, steps: 4 }, out: directory }, quiet);
  await using service = await startService();
  await trainWatched(
    { settings: small, out: directory, resume: true, service: { url: service.url, key: "key" } },
    quiet,
  );
  expect(pushedSteps(service)).toEqual([0, 2, 4, 6, 8]);
});

test("what a killed run could not push, with the service away from the start, is pushed in order later", async () => {
  const gone = await startService();
  await gone[Symbol.asyncDispose]();
  const grok = () => startTrainer("src/grok.ts", ["--url", gone.url, "--out", directory, "--resume", ...flags], "key");
  const first = grok();
  while (!(await readdir(directory)).includes("ckpt_000300.json")) await setTimeout(2);
  first.child.kill("SIGKILL");
  expect((await first.ended).signal).toBe("SIGKILL");

  await using back = await startService(undefined, { port: Number(new URL(gone.url).port) });
  expect((await grok().ended).code).toBe(0);
  expect(pushedSteps(back)).toEqual(Array.from({ length: 17 }, (_, i) => i * 100));
}, 180_000);

test("training goes on while the service is away, and every checkpoint arrives in order when it is back", async () => {
  const settings: Settings = { ...small, steps: 400, every: 20 };
  let measured = 0;
  let told = "";
  const progress = createProgress({ write: (text) => (told += text) }, settings.steps);
  // Gone after step 40, and back once training is over and the outage was noticed.
  const isBack = () => measured === settings.steps && told.includes("the service is away (");
  await using service = await startService(undefined, { isAway: (step) => step === 40 && !isBack() });
  await trainWatched(
    {
      settings,
      out: directory,
      service: { url: service.url, key: "key", retry: { firstWaitMs: 5, longestWaitMs: 20, deadlineMs: 100 } },
    },
    {
      ...progress,
      checkpoint({ step }) {
        measured = step;
      },
    },
  );
  const arrived = pushedSteps(service).filter((step, i, steps) => step !== steps[i - 1]);
  expect(arrived).toEqual(Array.from({ length: 21 }, (_, i) => i * 20));
}, 180_000);
