import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { backendNames, startBackend, useBackend } from "../src/backends/backend.ts";

test("those that come with the trainer start", async () => {
  for (const name of ["cpu", "wasm"] as const) {
    expect(await startBackend(name)).toBeNull();
    expect(tf.getBackend()).toBe(name);
  }
});

test("auto takes the fastest, and says why and what it did not find", async () => {
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

test("an absent one is refused with what is missing", async () => {
  const reasons = new Map<string, string | null>();
  for (const name of backendNames) reasons.set(name, await startBackend(name));
  for (const [name, reason] of reasons) {
    const used = useBackend(name as (typeof backendNames)[number]);
    if (reason === null) await expect(used).resolves.toBe(name);
    else await expect(used).rejects.toThrow(`the backend ${name} cannot be used: ${reason}`);
  }
});
