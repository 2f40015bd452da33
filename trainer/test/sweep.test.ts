import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runTrainer } from "./commands.ts";
import { startService } from "./local-server.ts";

const sweep = (args: string[]) => runTrainer("scripts/sweep.ts", args, "key");

const small = "--modulus 7 --corner-side 2 --mirror-pairs 4 --embedding 8 --hidden 12 --steps 4 --every 2".split(" ");

test("a sweep makes one model per value and seed, all of one ensemble", async () => {
  await using service = await startService();
  const swept = ["--ensemble", "decays", "--seeds", "2", "--vary", "weight-decay=0,0.5"];
  const { code, stdout, stderr } = await sweep(["--url", service.url, ...swept, ...small]);
  expect([code, stdout.trim().split("\n").length], stderr).toEqual([0, 4]);
  const models = service.received.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(String(body)));
  expect(models).toEqual(
    ["0", "0.5"].flatMap((decay) =>
      [0, 1].map((seed) => ({
        name: `decays-weight-decay-${decay}-seed${seed}`,
        suite: "add7",
        tags: [`seed:${seed}`, `weight-decay:${decay}`],
        ensemble: "decays",
      })),
    ),
  );
}, 60_000);

test("with --out each model has a folder, from which a sweep that was stopped goes on", async () => {
  await using service = await startService();
  const out = await mkdtemp(join(tmpdir(), "curie-point-sweep-"));
  try {
    const swept = ["--url", service.url, "--ensemble", "seeds", "--seeds", "2", "--out", out, ...small];
    expect((await sweep(swept)).code).toBe(0);
    expect((await readdir(out)).sort()).toEqual(["seeds-seed0", "seeds-seed1"]);
    expect(await readdir(join(out, "seeds-seed1"))).toContain("ckpt_000004.onnx");
    const { code, stderr } = await sweep(swept);
    expect([code, stderr.match(/going on from step 4/g)?.length]).toEqual([0, 2]);
  } finally {
    await rm(out, { recursive: true });
  }
}, 120_000);

test("a sweep starts from a preset and a config, and varies what it is told to", async () => {
  await using service = await startService();
  const out = await mkdtemp(join(tmpdir(), "curie-point-sweep-"));
  try {
    const config = join(out, "run.json");
    await writeFile(config, '{"modulus": 7, "mirror-pairs": 4, "corner-side": 2, "hidden": 12, "steps": 4}');
    const chosen = ["--preset", "gromov2023-small", "--config", config, "--every", "2"];
    const swept = ["--ensemble", "rates", "--seeds", "1", "--vary", "learning-rate=0.01,0.02", "--out", out];
    const { code, stderr } = await sweep(["--url", service.url, ...swept, ...chosen]);
    expect(code, stderr).toBe(0);
    for (const rate of [0.01, 0.02]) {
      const file = join(out, `rates-learning-rate-${rate}-seed0`, "ckpt_000004.json");
      const sidecar: unknown = JSON.parse(await readFile(file, "utf8"));
      // Of the preset, of the config, of a flag, and of --vary.
      const settings = { network: "quadratic", hidden: 12, every: 2, learningRate: rate, seed: 0 };
      expect(sidecar).toMatchObject({ preset: "gromov2023-small", settings });
    }
  } finally {
    await rm(out, { recursive: true });
  }
}, 120_000);

test.each([
  [["--url", "http://localhost:1"], "give --url and --ensemble"],
  [["--url", "http://localhost:1", "--ensemble", "x", "--vary", "decay=1"], "--vary must be a setting"],
  [["--url", "http://localhost:1", "--ensemble", "x", "--vary", "steps=none"], "--steps must be a whole number"],
  [["--url", "http://localhost:1", "--ensemble", "x", "--seeds", "0"], "--seeds must be a whole number from 1"],
  [["--url", "http://localhost:1", "--ensemble", "x", "--seed", "1"], "drop --seed"],
  [["--url", "http://localhost:1", "--ensemble", "x", "--vary", "steps=1,1"], "values that differ"],
  [["--url", "http://localhost:1", "--ensemble", "x", "--vary", "modulus=47,10"], "--modulus must be a prime, got 10"],
  [
    ["--url", "http://localhost:1", "--ensemble", "x", "--network", "quadratic", "--vary", "layers=1,2"],
    "--layers must be 1, got 2",
  ],
  [["--wat"], "there is no flag --wat"],
  [["--url", "http://localhost:1", "--ensemble", "x", "--preset", "gromov"], '"gromov2023" is the nearest'],
])("a sweep refuses %j", async (args, says) => {
  const { code, stderr } = await sweep(args);
  expect(code).toBe(2);
  expect(stderr).toContain(says);
});
