import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Stack, startStack } from "../local/stack.ts";
import { connect } from "../src/database/client.ts";
import { Client } from "../trainer/src/client/client.ts";
import { watchHeap } from "./heap.ts";
import type { Comparison } from "./main.ts";
import { makeNetwork, restartEvaluator, secondsOf } from "./network.ts";

const MEGABYTE = 1_000_000;
/** 8.0 MB of weights on 10,000 rows of 28 x 28 numbers: a suite of 31 MB. */
const SHAPE = { width: 784, hidden: 1072, classes: 10, rows: 10_000 };
const ROUNDS = 3;
/** An isolate has 128 MB. */
const BOUND_MB = 110;

/**
 * The most memory that an evaluator's isolate has while it evaluates: V8's heap and array buffers, asked for over and
 * over, and its WebAssembly memories, which never shrink. A new isolate each time; then a second model in the same.
 */
export async function benchEvaluateMemory(): Promise<Comparison[]> {
  const data = mkdtempSync(join(tmpdir(), "curie-point-bench-"));
  const stack = await startStack({ data, port: 0, inspect: true });
  const { databaseUrl: url, databaseWsProxy: wsProxy } = stack.connection;
  const database = connect({ url, wsProxy });
  try {
    const client = new Client({ url: stack.url, key: stack.adminKey });
    const { suite, modelOf } = makeNetwork(SHAPE);
    await client.putSuite("bench", suite);
    const { id } = await client.createModel({ name: "bench", suite: "bench" });
    const heap: number[] = [];
    const wasm: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      if (round > 0) await restartEvaluator(stack);
      const watch = await watchHeap(await inspectorOf(stack));
      const most = await watch.highest(async () => {
        for (const step of [2 * round, 2 * round + 1]) {
          await client.pushCheckpoint(id, step, modelOf(step));
          await secondsOf(database.db, id, step);
        }
      });
      heap.push(most / MEGABYTE);
      wasm.push((await watch.wasm()) / MEGABYTE);
      watch.close();
    }
    const beside = (what: string, ours: number[]): Comparison => {
      return { what, unit: "MB (less is better)", ours, rival: { name: "the bound", samples: [BOUND_MB] } };
    };
    const whole = heap.map((megabytes, n) => megabytes + (wasm[n] ?? 0));
    return [
      beside(`an evaluator's memory: ${(modelOf(0).byteLength / MEGABYTE).toFixed(1)} MB x ${SHAPE.rows}`, whole),
      beside("of it V8's heap and array buffers", heap),
      beside("of it WebAssembly", wasm),
    ];
  } finally {
    await database.close();
    await stack.close();
    rmSync(data, { recursive: true, force: true });
  }
}

/** Each process of the evaluator has another port. */
async function inspectorOf(stack: Stack): Promise<number> {
  for (;;) {
    const { evaluator } = stack.inspectorPorts();
    if (evaluator !== null) return evaluator;
    await pause(50);
  }
}
