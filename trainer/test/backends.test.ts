import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { backendNames, startBackend, useBackend } from "../src/backends/backend.ts";
import { createProgress } from "../src/progress.ts";
import { type Checkpoint, train } from "../src/train.ts";
import { trainWatched } from "../src/watched.ts";

// SwiftShader computes on the CPU what is written for a GPU, and its first pass through each kernel compiles it.
const SLOW_MS = 240_000;

const absent = new Map<string, string | null>();
for (const name of backendNames) absent.set(name, await startBackend(name));

// The contract of every backend that is installed; what is not says so in its name.
describe.each(backendNames.map((backend) => ({ backend, reason: absent.get(backend) ?? null })))(
  "$backend (absent: $reason)",
  ({ backend, reason }) => {
    test.skipIf(reason !== null)(
      "fits, repeats its bytes, and leaves no tensor behind",
      { timeout: SLOW_MS },
      async () => {
        await startBackend(backend);
        const before = tf.memory().numTensors;
        const small = { modulus: 11, cornerSide: 2, mirrorPairs: 9, embedding: 16, hidden: 32, steps: 60, every: 30 };
        const run = async () => {
          const checkpoints: Checkpoint[] = [];
          await train(
            { ...small, backend },
            {
              onCheckpoint: (checkpoint) => {
                checkpoints.push(checkpoint);
              },
            },
          );
          return checkpoints;
        };
        const checkpoints = await run();
        const [first, , last] = checkpoints.map(({ splits }) => splits.get("train"));
        expect(last?.correct).toBe(60);
        expect(first?.correct).toBeLessThan(20);
        const again = await run();
        expect(again.map(({ onnx }) => Buffer.from(onnx).equals(checkpoints.shift()?.onnx ?? Buffer.of()))).toEqual([
          true,
          true,
          true,
        ]);
        expect(tf.memory().numTensors).toBe(before);
      },
    );
  },
);

// Where one was set up on purpose, as CI does, being skipped would hide that it broke.
const required = process.env["TEST_REQUIRE_BACKEND"];
test.runIf(required !== undefined)(`${required} starts, as TEST_REQUIRE_BACKEND asks`, () => {
  expect([...absent].find(([name]) => name === required)).toEqual([required, null]);
});

test("those that come with the trainer start", async () => {
  for (const name of ["cpu", "wasm"] as const) {
    expect(await startBackend(name)).toBeNull();
    expect(tf.getBackend()).toBe(name);
  }
});

test("auto takes the fastest, and says why and what it did not find", { timeout: SLOW_MS }, async () => {
  const notes: string[] = [];
  const name = await useBackend("auto", (line) => notes.push(line));
  expect(notes).toHaveLength(1);
  expect(notes[0]).toMatch(new RegExp(`^backend ${name}, the fastest of: `));
  const times = [...(notes[0] ?? "").matchAll(/([\w-]+) ([\d.]+) ms/g)].map(([, name, ms]) => ({
    name,
    ms: Number(ms),
  }));
  expect(times.length).toBeGreaterThanOrEqual(2);
  expect(times.toSorted((x, y) => x.ms - y.ms)[0]?.name).toBe(name);
  for (const name of backendNames) expect(notes[0]).toMatch(new RegExp(`\\b${name}(:| \\d)`));
});

test("a watched run says which backend auto took, and keeps it for what it writes down", {
  timeout: SLOW_MS,
}, async () => {
  let told = "";
  const progress = createProgress({ write: (text) => (told += text) }, 1);
  const out = await mkdtemp(join(tmpdir(), "auto-"));
  try {
    const tiny = { modulus: 7, cornerSide: 2, mirrorPairs: 4, embedding: 8, hidden: 12, steps: 1 };
    await trainWatched({ settings: { ...tiny, backend: "auto" }, out }, progress);
    const name = /^backend ([\w-]+), the fastest of: /.exec(told)?.[1];
    const sidecar = JSON.parse(await readFile(join(out, "ckpt_000001.json"), "utf8"));
    expect(sidecar.settings.backend).toBe(name);
  } finally {
    await rm(out, { recursive: true });
  }
});

test("an absent one is refused with what is missing", async () => {
  for (const name of backendNames) {
    const reason = absent.get(name) ?? null;
    if (reason === null) await expect(useBackend(name)).resolves.toBe(name);
    else await expect(useBackend(name)).rejects.toThrow(`the backend ${name} cannot be used: ${reason}`);
  }
});
