import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Recorded } from "../scripts/recorded.ts";
import { runTrainer, small } from "./commands.ts";
import { pushedSteps, startService } from "./local-server.ts";

// Each test starts several processes, and a busy machine takes ten seconds for one.
vi.setConfig({ testTimeout: 120_000 });

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "diverged-"));
});
afterEach(() => rm(directory, { recursive: true }));

/** Plain gradient steps of this length leave the range of float32 within ten. */
const diverging = [...small, "--optimizer", "sgd", "--learning-rate", "100"];

test("a run that diverges ends there with status 3, and what there is is kept, pushed and judged", async () => {
  await using service = await startService();
  const args = ["--url", service.url, "--out", directory, "--json", ...diverging];
  const { code, stdout, stderr } = await runTrainer("src/grok.ts", args, "key");
  expect(code, stderr).toBe(3);
  expect(stderr).toContain("diverged by step 10: weights are no finite numbers any more");
  expect(stderr).toContain("the run diverged: a smaller --learning-rate or a longer --warm-up may hold it");
  expect(JSON.parse(stdout)).toMatchObject({ asOfStep: 10 });
  expect(pushedSteps(service)).toEqual([0, 10]);
  expect((await readdir(directory)).filter((name) => name.endsWith(".onnx"))).toHaveLength(2);

  // It has nowhere to go on to.
  const resumed = await runTrainer("src/grok.ts", [...args, "--resume"], "key");
  expect([resumed.code, JSON.parse(resumed.stdout)]).toEqual([3, expect.objectContaining({ asOfStep: 10 })]);
});

test("asked to, it trains through to its last step, and ends with 0", async () => {
  const args = ["--out", directory, "--through-divergence", ...diverging];
  const { code, stderr } = await runTrainer("src/grok.ts", args);
  expect([code, stderr.match(/diverged/g)?.length], stderr).toEqual([0, 1]);
  expect(await readdir(directory)).toContain("ckpt_000040.onnx");
});

test("record and sweep train through it, as it may be what they are to show, and their lines say so", async () => {
  const file = join(directory, "run.csv.gz");
  const record = await runTrainer("scripts/record.ts", ["--out", file, ...diverging]);
  expect([record.code, record.stdout]).toEqual([0, expect.stringMatching(/step 40 .* diverged\n$/)]);
  expect((await Recorded.read(file)).steps).toEqual([0, 10, 20, 30, 40]);

  await using service = await startService();
  const swept = ["--url", service.url, "--ensemble", "e", "--seeds", "1", "--vary", "learning-rate=0.01,100"];
  const sweep = await runTrainer("scripts/sweep.ts", [...swept, ...small, "--optimizer", "sgd"], "key");
  expect(sweep.code, sweep.stderr).toBe(0);
  expect(sweep.stdout.trim().split("\n")).toEqual([
    "e-learning-rate-0.01-seed0  insufficient_evidence as of step 40",
    "e-learning-rate-100-seed0  insufficient_evidence as of step 40  diverged by step 10",
  ]);
});
