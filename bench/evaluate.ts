import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as native from "onnxruntime-node";
import * as web from "onnxruntime-web/wasm";
import { type Stack, startStack } from "../local/stack.ts";
import { connect } from "../src/database/client.ts";
import { Client } from "../trainer/src/client/client.ts";
import type { Comparison } from "./main.ts";
import { makeNetwork, type Network, restartEvaluator, secondsOf } from "./network.ts";
import { type BenchWorker, startBenchWorker } from "./worker/start.ts";

/** 4.5 MB of weights. */
const SHAPE = { width: 64, hidden: 1024, classes: 10 };
/** About a second of arithmetic on one thread, and three. */
const ROWS = [8_192, 24_576];
/** The rows of the engine's batches. */
const BATCH = 256;
const ROUNDS = 5;

/**
 * Examples a second of an evaluation, from the transaction that queues it to the one that closes it (queue, claims,
 * fetch of model and suite, session, runs, scoring, spectra, shards' rows), beside bare loops of session and runs over
 * the same rows in the same batches: in this process, in workerd, and by ONNX Runtime native. All on one thread. The
 * first evaluation of an isolate stands apart: it loads ONNX Runtime too.
 */
export async function* benchEvaluate(): AsyncIterable<Comparison> {
  const data = mkdtempSync(join(tmpdir(), "curie-point-bench-"));
  const stack = await startStack({ data, port: 0 });
  const worker = await startBenchWorker(join(data, "bench-worker"));
  const { databaseUrl: url, databaseWsProxy: wsProxy } = stack.connection;
  const database = connect({ url, wsProxy });
  try {
    const client = new Client({ url: stack.url, key: stack.adminKey });
    web.env.wasm.numThreads = 1;
    for (const rows of ROWS) {
      const network = makeNetwork({ ...SHAPE, rows });
      const name = `bench-${rows}`;
      await client.putSuite(name, network.suite);
      const { id } = await client.createModel({ name, suite: name });
      const evaluate = async (step: number) => {
        await client.pushCheckpoint(id, step, network.modelOf(step));
        return await secondsOf(database.db, id, step);
      };
      yield* compare(network, { stack, worker, evaluate });
    }
  } finally {
    await database.close();
    await worker.close();
    await stack.close();
    rmSync(data, { recursive: true, force: true });
  }
}

interface Service {
  stack: Stack;
  worker: BenchWorker;
  /** Pushes a step; how long its evaluation took, in seconds. */
  evaluate(step: number): Promise<number>;
}

async function* compare({ rows, modelOf }: Network, { stack, worker, evaluate }: Service): AsyncIterable<Comparison> {
  const count = rows.length / SHAPE.width;
  const put = (path: string, body: Uint8Array<ArrayBuffer>) => fetch(worker.url + path, { method: "PUT", body });
  const inWorkerd = async (onnx: Uint8Array<ArrayBuffer>) => {
    await put("/model", onnx);
    return await timed(async () => {
      const { ok } = await fetch(`${worker.url}/infer?width=${SHAPE.width}&batch=${BATCH}`, { method: "POST" });
      if (!ok) throw new Error("the bench's Worker cannot run the model");
    });
  };
  await put("/rows", new Uint8Array(rows.slice().buffer));
  await inWorkerd(modelOf(0));

  const seconds = { cold: [] as number[], ours: [] as number[], web: [] as number[] };
  const others = { workerd: [] as number[], native: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    await restartEvaluator(stack);
    seconds.cold.push(await evaluate(2 * round + 1));
    seconds.ours.push(await evaluate(2 * round + 2));
    const onnx = modelOf(2 * round + 2);
    seconds.web.push(await bareSeconds(web, { executionProviders: ["wasm"] }, onnx, rows));
    others.workerd.push(await inWorkerd(onnx));
    others.native.push(await bareSeconds(native, { intraOpNumThreads: 1, interOpNumThreads: 1 }, onnx, rows));
  }
  const rates = (samples: number[]) => samples.map((sample) => count / sample);
  const beside = (what: string, ours: number[], name: string, rival: number[]): Comparison => {
    return {
      what: `${what}, ${count} examples`,
      unit: "/s",
      ours: rates(ours),
      rival: { name, samples: rates(rival) },
    };
  };
  yield beside("evaluation, whole", seconds.ours, "onnxruntime-web, bare in Node", seconds.web);
  yield beside("evaluation, whole", seconds.ours, "onnxruntime-web, bare in workerd", others.workerd);
  yield beside("evaluation, whole", seconds.ours, "onnxruntime-node, one thread", others.native);
  yield beside("the bare loop in workerd", others.workerd, "onnxruntime-web, bare in Node", seconds.web);
  yield {
    what: `first evaluation of an isolate, ${count} examples`,
    unit: "s (less is better)",
    ours: seconds.cold,
    rival: { name: "the next one", samples: seconds.ours },
  };
}

/** What both packages have, as far as it is used here. */
interface Runtime<Options> {
  InferenceSession: { create(model: Uint8Array, options: Options): Promise<web.InferenceSession> };
  Tensor: typeof web.Tensor;
}

async function bareSeconds<Options>(runtime: Runtime<Options>, options: Options, onnx: Uint8Array, rows: Float32Array) {
  return await timed(async () => {
    const session = await runtime.InferenceSession.create(onnx, options);
    for (let at = 0; at < rows.length; at += BATCH * SHAPE.width) {
      const values = rows.subarray(at, at + BATCH * SHAPE.width);
      await session.run({ x: new runtime.Tensor("float32", values, [values.length / SHAPE.width, SHAPE.width]) });
    }
    await session.release();
  });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
