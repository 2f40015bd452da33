import { setTimeout as pause } from "node:timers/promises";
import { and, eq } from "drizzle-orm";
import type { Stack } from "../local/stack.ts";
import type { Database } from "../src/database/client.ts";
import { evaluations } from "../src/database/schema.ts";
import { GraphBuilder } from "../trainer/src/onnx/graph.ts";
import { createRandom } from "../trainer/src/random.ts";
import { type SafeTensor, writeSafetensors } from "../trainer/src/safetensors.ts";

// A perceptron of two hidden layers on random rows, for benchmarks of evaluations.

export interface Shape {
  width: number;
  hidden: number;
  classes: number;
  rows: number;
}

export interface Network {
  /** Row-major. */
  rows: Float32Array;
  suite: Uint8Array<ArrayBuffer>;
  /** Each step's weights are others, so that no upload is answered from one before it. */
  modelOf(step: number): Uint8Array<ArrayBuffer>;
}

export function makeNetwork({ width, hidden, classes, rows: count }: Shape): Network {
  const random = createRandom(3, "bench-network");
  const normals = (length: number, scale: number) => Float32Array.from({ length }, () => scale * random.normal());
  const rows = normals(count * width, 1);
  const first = normals(width * hidden, 0.1);
  const second = normals(hidden * hidden, 0.03);
  const third = normals(hidden * classes, 0.03);
  return {
    rows,
    suite: suiteOf(rows, { width, classes, count }),
    modelOf(step) {
      const last = third.slice();
      last[0] = step;
      const graph = new GraphBuilder(`bench-${step}`);
      const x = graph.input("x", "float32", ["N", width]);
      const h1 = graph.relu("h1", graph.matmul("a1", x, graph.weight("w1", first, [width, hidden])));
      const h2 = graph.relu("h2", graph.matmul("a2", h1, graph.weight("w2", second, [hidden, hidden])));
      graph.output(graph.matmul("logits", h2, graph.weight("w3", last, [hidden, classes])));
      return graph.finish();
    },
  };
}

function suiteOf(rows: Float32Array, { width, classes, count }: { width: number; classes: number; count: number }) {
  const half = count / 2;
  const tensors = new Map<string, SafeTensor>();
  ["train", "ood:bench"].forEach((split, n) => {
    const values = rows.slice(n * half * width, (n + 1) * half * width);
    tensors.set(`${split}/x`, { shape: [half, width], values });
    const targets = BigInt64Array.from({ length: half }, (_, row) => BigInt(row % classes));
    tensors.set(`${split}/target`, { shape: [half], values: targets });
  });
  return writeSafetensors(tensors, { task: "classification", output: "logits" });
}

/** How long it took from the transaction that queued it to the one that closed it, in seconds, by the service's rows. */
export async function secondsOf(db: Database, modelId: string, step: number): Promise<number> {
  for (;;) {
    const [evaluation] = await db
      .select()
      .from(evaluations)
      .where(and(eq(evaluations.modelId, modelId), eq(evaluations.step, step)));
    if (evaluation?.status === "failed") throw new Error(`step ${step}: ${evaluation.failureMessage}`);
    if (evaluation?.finishedAt) return (evaluation.finishedAt.getTime() - evaluation.createdAt.getTime()) / 1000;
    await pause(100);
  }
}

/** A new isolate: what was loaded is gone. */
export async function restartEvaluator(stack: Stack): Promise<void> {
  const { evaluator } = stack.pids();
  if (evaluator !== null) process.kill(evaluator, "SIGKILL");
  while (stack.pids().evaluator === evaluator || stack.pids().evaluator === null) await pause(50);
}
