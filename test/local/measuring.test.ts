import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { watchHeap } from "../../bench/heap.ts";
import { type Stack, startStack } from "../../local/stack.ts";
import { emptyPreparation } from "./fixtures/preparation.ts";

// What the benchmarks ask of the stack: queues that nothing takes from, and the Worker's memory.

let folder: string;
let stack: Stack;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "curie-point-measuring-"));
  stack = await startStack({
    data: folder,
    port: 0,
    paused: true,
    inspect: true,
    wranglerConfig: join(import.meta.dirname, "fixtures", "wrangler.toml"),
    preparation: emptyPreparation,
  });
}, 60_000);
afterAll(async () => {
  await stack.close();
  rmSync(folder, { recursive: true, force: true });
});

const post = async (path: string, body: unknown) =>
  await (await fetch(stack.url + path, { method: "POST", body: JSON.stringify(body) })).json();

test("of a paused stack a message is taken, and nobody is handed it", async () => {
  await post("/evaluate", { id: "left there", kind: "pass on", sentAt: Date.now() });
  // A stack that is not paused hands it over within 50 ms.
  await pause(1_000);
  expect(await (await fetch(stack.url)).json()).toMatchObject({ received: [] });
});

test("the inspector tells what a request took of the Worker's memory, and that it was given back", async () => {
  const heap = await watchHeap(stack.inspectorPorts().api ?? 0);
  try {
    const idle = await heap.collected();
    const most = await heap.highest(async () => {
      for (let n = 0; n < 10; n++) await post("/evaluate", { id: "x".repeat(4_000_000), kind: "pass on", sentAt: 0 });
    });
    expect(most - idle).toBeGreaterThan(4_000_000);
    expect((await heap.collected()) - idle).toBeLessThan(4_000_000);
  } finally {
    heap.close();
  }
});
