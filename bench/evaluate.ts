import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { eq } from "drizzle-orm";
import * as native from "onnxruntime-node";
import * as web from "onnxruntime-web/wasm";
import { type Stack, startStack } from "../local/stack.ts";
import { connect, type Database } from "../src/database/client.ts";
import { evaluations } from "../src/database/schema.ts";
import { Client } from "../trainer/src/client/client.ts";
import { GraphBuilder } from "../trainer/src/onnx/graph.ts";
import { createRandom } from "../trainer/src/random.ts";
import { type SafeTensor, writeSafetensors } from "../trainer/src/safetensors.ts";
import type { Comparison } from "./main.ts";

/** 4.5 MB of weights, and enough rows for a second and more of arithmetic on one thread. */
const [WIDTH, HIDDEN, CLASSES, ROWS] = [64, 1024, 10, 24_576];
/** The most rows of the engine's batches. */
const BATCH = 256;
const ROUNDS = 5;

/**
 * Examples a second of an evaluation, from the transaction that queues it to the one that closes it (queue, claims,
 * fetch of model and suite, session, runs, scoring, shards' rows), beside the bare loop of session and runs over the
 * same rows in this process. The first evaluation of an isolate stands apart: it loads ONNX Runtime too.
 */
export async function benchEvaluate(): Promise<Comparison[]> {
  const data = mkdtempSync(join(tmpdir(), "curie-point-bench-"));
  const stack = await startStack({ data, port: 0 });
  const { databaseUrl: url, databaseWsProxy: wsProxy } = stack.connection;
  const database = connect({ url, wsProxy });
  try {
    const client = new Client({ url: stack.url, key: stack.adminKey });
    const rows = Float32Array.from({ length: ROWS * WIDTH }, () => random.normal());
    await client.putSuite("bench", suiteOf(rows));
    const { id } = await client.createModel({ name: "bench", suite: "bench" });
    web.env.wasm.numThreads = 1;

    const samples: Record<"cold" | "ours" | "web" | "native", number[]> = { cold: [], ours: [], web: [], native: [] };
    for (let round = 0; round < ROUNDS; round += 1) {
      await restartEvaluator(stack);
      samples.cold.push(await rateOf(database.db, client, id, 2 * round));
      samples.ours.push(await rateOf(database.db, client, id, 2 * round + 1));
      const onnx = modelOf(2 * round + 1);
      samples.web.push(await bareRate(web, { executionProviders: ["wasm"] }, onnx, rows));
      samples.native.push(await bareRate(native, { intraOpNumThreads: 1, interOpNumThreads: 1 }, onnx, rows));
    }
    const beside = (what: string, ours: number[], name: string, rival: number[]): Comparison => {
      return { what, unit: "examples/s", ours, rival: { name, samples: rival } };
    };
    const bare = "onnxruntime-web, bare in Node";
    return [
      beside("evaluation, whole", samples.ours, bare, samples.web),
      beside("evaluation, whole", samples.ours, "onnxruntime-node, one thread", samples.native),
      beside("first evaluation of an isolate", samples.cold, bare, samples.web),
    ];
  } finally {
    await database.close();
    await stack.close();
    rmSync(data, { recursive: true, force: true });
  }
}

const random = createRandom(3, "bench-evaluate");
const weights = (length: number, scale: number) => Float32Array.from({ length }, () => scale * random.normal());
const [FIRST, SECOND, THIRD] = [
  weights(WIDTH * HIDDEN, 0.1),
  weights(HIDDEN * HIDDEN, 0.03),
  weights(HIDDEN * CLASSES, 0.03),
];

/** Two hidden layers. Each step's weights are others, so that no upload is answered from one before it. */
function modelOf(step: number): Uint8Array<ArrayBuffer> {
  const last = THIRD.slice();
  last[0] = step;
  const graph = new GraphBuilder(`bench-${step}`);
  const x = graph.input("x", "float32", ["N", WIDTH]);
  const h1 = graph.relu("h1", graph.matmul("a1", x, graph.weight("w1", FIRST, [WIDTH, HIDDEN])));
  const h2 = graph.relu("h2", graph.matmul("a2", h1, graph.weight("w2", SECOND, [HIDDEN, HIDDEN])));
  graph.output(graph.matmul("logits", h2, graph.weight("w3", last, [HIDDEN, CLASSES])));
  return graph.finish();
}

function suiteOf(rows: Float32Array): Uint8Array<ArrayBuffer> {
  const half = ROWS / 2;
  const tensors = new Map<string, SafeTensor>();
  ["train", "ood:bench"].forEach((split, n) => {
    const values = rows.slice(n * half * WIDTH, (n + 1) * half * WIDTH);
    tensors.set(`${split}/x`, { shape: [half, WIDTH], values });
    const targets = BigInt64Array.from({ length: half }, (_, row) => BigInt(row % CLASSES));
    tensors.set(`${split}/target`, { shape: [half], values: targets });
  });
  return writeSafetensors(tensors, { task: "classification", output: "logits" });
}

/** By the rows of the service itself, so that the wait for an answer here is no part of it. */
async function rateOf(db: Database, client: Client, modelId: string, step: number): Promise<number> {
  await client.pushCheckpoint(modelId, step, modelOf(step));
  for (;;) {
    const found = await db.select().from(evaluations).where(eq(evaluations.modelId, modelId));
    const evaluation = found.find((candidate) => candidate.step === step);
    if (evaluation?.status === "failed") throw new Error(`step ${step}: ${evaluation.failureMessage}`);
    if (evaluation?.finishedAt) {
      return ROWS / ((evaluation.finishedAt.getTime() - evaluation.createdAt.getTime()) / 1000);
    }
    await pause(100);
  }
}

async function restartEvaluator(stack: Stack): Promise<void> {
  const { evaluator } = stack.pids();
  if (evaluator !== null) process.kill(evaluator, "SIGKILL");
  while (stack.pids().evaluator === evaluator || stack.pids().evaluator === null) await pause(50);
}

/** What both packages have, as far as it is used here. */
interface Runtime<Options> {
  InferenceSession: { create(model: Uint8Array, options: Options): Promise<web.InferenceSession> };
  Tensor: typeof web.Tensor;
}

async function bareRate<Options>(runtime: Runtime<Options>, options: Options, onnx: Uint8Array, rows: Float32Array) {
  const start = performance.now();
  const session = await runtime.InferenceSession.create(onnx, options);
  for (let first = 0; first < ROWS; first += BATCH) {
    const values = rows.subarray(first * WIDTH, (first + BATCH) * WIDTH);
    await session.run({ x: new runtime.Tensor("float32", values, [BATCH, WIDTH]) });
  }
  await session.release();
  return ROWS / ((performance.now() - start) / 1000);
}
