import * as ort from "onnxruntime-web";
import { beforeAll, describe, expect, test } from "vitest";
import { type SplitResult, score } from "../src/evaluate.ts";
import type { Split, SplitName, Task } from "../src/tasks/task.ts";
import { type Checkpoint, type Settings, train } from "../src/train.ts";

// An independent reference: ONNX Runtime runs the file, only the counting is shared.
async function evaluateWithOnnxRuntime(
  session: ort.InferenceSession,
  split: Split,
  classes: number,
): Promise<SplitResult> {
  const examples = split.target.length;
  const inputs = Object.entries(split.inputs).map(([name, values]) => {
    const shape = values.length === examples ? [examples] : [examples, values.length / examples];
    return [name, new ort.Tensor("int64", BigInt64Array.from(values, BigInt), shape)];
  });
  const { logits } = await session.run(Object.fromEntries(inputs));
  expect(logits?.dims).toEqual([examples, classes]);
  const values = await logits?.getData();
  if (!(values instanceof Float32Array)) throw new Error("logits are not float32");
  return score(values, split.target);
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

const small = { modulus: 7, cornerSide: 2, mirrorPairs: 4, embedding: 8, hidden: 12, steps: 10, every: 10 };
test.each<{ name: string; settings: Partial<Settings> }>([
  { name: "three inputs", settings: { hint: "wrong" } },
  { name: "numbers as inputs", settings: { task: "parity", bits: 9, parityExamples: 50 } },
  { name: "the transformer", settings: { network: "transformer", heads: 2 } },
  { name: "the transformer with three inputs", settings: { network: "transformer", heads: 4, hint: "absent" } },
  { name: "two layers", settings: { layers: 2 } },
  { name: "a transformer of two blocks", settings: { network: "transformer", layers: 2 } },
  { name: "LayerNorm", settings: { network: "transformer", layerNorm: "post" } },
  { name: "LayerNorm in two blocks", settings: { network: "transformer", layers: 2, layerNorm: "post" } },
  { name: "the quadratic network", settings: { network: "quadratic", loss: "squared-error" } },
])("ONNX Runtime gives the trainer's counts and losses: $name", async ({ settings }) => {
  let task: Task | undefined;
  const last = await train(
    { ...small, ...settings },
    {
      onStart: (start) => {
        task = start.task;
      },
    },
  );
  // Exact: every weight is in the file, bit by bit.
  for (const [name, { values }] of last.weights)
    expect(Buffer.from(last.onnx).includes(bytesOf(values)), name).toBe(true);
  const session = await ort.InferenceSession.create(last.onnx);
  for (const [name, split] of task?.splits ?? []) {
    const theirs = await evaluateWithOnnxRuntime(session, split, task?.classes ?? 0);
    const ours = resultOf(last.splits, name);
    expect([name, theirs.correct, theirs.total]).toEqual([name, ours.correct, ours.total]);
    expect(Math.abs(theirs.loss - ours.loss)).toBeLessThan(1e-4);
  }
  expect(last.splits.size).toBe(4);
  await session.release();
});

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);

function resultOf(splits: ReadonlyMap<SplitName, SplitResult> | undefined, name: SplitName): SplitResult {
  const result = splits?.get(name);
  if (result === undefined) throw new Error(`no result on ${name}`);
  return result;
}
