import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-web";
import { beforeAll, describe, expect, test } from "vitest";
import { useBackend } from "../src/backends/backend.ts";
import { type SplitResult, score } from "../src/evaluate.ts";
import { readWeights } from "../src/networks/network.ts";
import { createNetwork } from "../src/networks/networks.ts";
import { pickExamples, type Split, type SplitName, type Task } from "../src/tasks/task.ts";
import { createTask } from "../src/tasks/tasks.ts";
import { type Checkpoint, train } from "../src/train.ts";
import { networkCases, perturbed } from "./network-cases.ts";

// An independent reference: ONNX Runtime runs the file, only the counting is shared.
const evaluateWithOnnxRuntime = async (
  session: ort.InferenceSession,
  split: Split,
  classes: number,
): Promise<SplitResult> => score(await logitsByOnnxRuntime(session, split, classes), split.target);

async function logitsByOnnxRuntime(
  session: ort.InferenceSession,
  split: Split,
  classes: number,
): Promise<Float32Array> {
  const examples = split.target.length;
  const inputs = Object.entries(split.inputs).map(([name, values]) => {
    const shape = values.length === examples ? [examples] : [examples, values.length / examples];
    return [name, new ort.Tensor("int64", BigInt64Array.from(values, BigInt), shape)];
  });
  const { logits } = await session.run(Object.fromEntries(inputs));
  expect(logits?.dims).toEqual([examples, classes]);
  const values = await logits?.getData();
  if (!(values instanceof Float32Array)) throw new Error("logits are not float32");
  return values;
}

describe("an exported checkpoint in ONNX Runtime", () => {
  const checkpoints: Checkpoint[] = [];
  let task: Task;

  beforeAll(async () => {
    ort.env.wasm.numThreads = 1;
    await train(
      { steps: 30, every: 10 },
      {
        onStart: (start) => {
          task = start.task;
        },
        onCheckpoint: (checkpoint) => {
          checkpoints.push(checkpoint);
        },
      },
    );
  }, 30_000);

  test("is taken at step 0, at every tenth and at the last", () => {
    expect(checkpoints.map(({ step }) => step)).toEqual([0, 10, 20, 30]);
  });

  test("gives the trainer's counts and losses on every split", async () => {
    for (const { onnx, splits } of checkpoints) {
      const session = await ort.InferenceSession.create(onnx);
      for (const [name, split] of task.splits) {
        const ours = resultOf(splits, name);
        const theirs = await evaluateWithOnnxRuntime(session, split, task.classes);
        expect([theirs.correct, theirs.total]).toEqual([ours.correct, ours.total]);
        expect(Math.abs(theirs.loss - ours.loss)).toBeLessThan(1e-4);
      }
      await session.release();
    }
  });

  test("has learned something by then", () => {
    const last = checkpoints.at(-1);
    expect(resultOf(last?.splits, "train").correct).toBeGreaterThan(1000);
    expect(resultOf(last?.splits, "validation").correct).toBeLessThan(100);
  });

  test("names its inputs and output, takes any number of examples and is small", async () => {
    const { onnx } = checkpoints[0] ?? { onnx: new Uint8Array() };
    const session = await ort.InferenceSession.create(onnx);
    expect(session.inputNames).toEqual(["a", "b"]);
    expect(session.outputNames).toEqual(["logits"]);
    for (const examples of [1, 7]) {
      const zeros = new ort.Tensor("int64", new BigInt64Array(examples), [examples]);
      const { logits } = await session.run({ a: zeros, b: zeros });
      expect(logits?.dims).toEqual([examples, 47]);
    }
    expect(onnx.length).toBeLessThan(140_000);
    await session.release();
  });
});

test.each(networkCases)("ONNX Runtime computes the trainer's logits from the file: $name", async ({ settings }) => {
  await useBackend("cpu");
  const task = createTask(settings);
  const network = createNetwork(settings, task);
  // Gains of 1 and biases of 0 would not be missed in the file.
  for (const [name, weight] of network.weights) {
    if (/norm|bias/.test(name)) weight.assign(tf.tensor(perturbed(weight.size), weight.shape));
  }
  const weights = await readWeights(network);
  const file = Buffer.from(network.toOnnx(weights));
  // Exact: every weight is in the file, bit by bit.
  for (const [name, values] of weights) expect(file.includes(bytesOf(values)), name).toBe(true);
  const session = await ort.InferenceSession.create(file);
  for (const [name, whole] of task.splits) {
    for (const split of [whole, pickExamples(task, whole, [0])]) {
      const theirs = await logitsByOnnxRuntime(session, split, task.classes);
      const ours = await tf.tidy(() => network.logits(network.encode(split))).data<"float32">();
      const furthest = ours.reduce((most, logit, i) => Math.max(most, Math.abs(logit - (theirs[i] ?? Number.NaN))), 0);
      expect(furthest, name).toBeLessThan(1e-5);
    }
  }
  await session.release();
});

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);

function resultOf(splits: ReadonlyMap<SplitName, SplitResult> | undefined, name: SplitName): SplitResult {
  const result = splits?.get(name);
  if (result === undefined) throw new Error(`no result on ${name}`);
  return result;
}
