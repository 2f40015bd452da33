import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { startService } from "./local-server.ts";

async function sweep(args: string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../scripts/sweep.ts"), ...args], {
    env: { ...process.env, CURIE_POINT_KEY: "key" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await exit, stdout, stderr };
}

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

test.each([
  [["--url", "http://localhost:1"], "give --url and --ensemble"],
  [["--url", "http://localhost:1", "--ensemble", "x", "--vary", "decay=1"], "--vary must be a setting"],
  [["--url", "http://localhost:1", "--ensemble", "x", "--vary", "steps=none"], "--steps must be a whole number"],
  [["--url", "http://localhost:1", "--ensemble", "x", "--seeds", "0"], "--seeds must be a whole number from 1"],
  [["--url", "http://localhost:1", "--ensemble", "x", "--seed", "1"], "drop --seed"],
  [["--wat"], "--wat"],
])("a sweep refuses %j", async (args, says) => {
  const { code, stderr } = await sweep(args);
  expect(code).toBe(2);
  expect(stderr).toContain(says);
});
