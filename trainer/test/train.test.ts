import { createHash } from "node:crypto";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { type Checkpoint, train } from "../src/train.ts";

async function digestsOf(seed: number): Promise<string[]> {
  const digests: string[] = [];
  const onCheckpoint = ({ onnx }: Checkpoint) => {
    digests.push(createHash("sha256").update(onnx).digest("hex"));
  };
  await train({ seed, steps: 6, every: 3 }, { onCheckpoint });
  return digests;
}

test("one seed gives the same bytes every time, another seed others", async () => {
  const first = await digestsOf(7);
  expect(first).toHaveLength(3);
  expect(await digestsOf(7)).toEqual(first);
  const other = await digestsOf(8);
  expect(other.filter((digest) => first.includes(digest))).toEqual([]);
});

test("no tensor is left behind, neither by steps and checkpoints nor by a whole run", async () => {
  const before = tf.memory().numTensors;
  const counts = new Set<number>();
  await train(
    { steps: 8, every: 2 },
    {
      onStep: () => {
        counts.add(tf.memory().numTensors);
      },
      onCheckpoint: () => {
        counts.add(tf.memory().numTensors);
      },
    },
  );
  expect(counts.size).toBe(1);
  expect(tf.memory().numTensors).toBe(before);
});

test("the event loop turns between steps", async () => {
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  await train({ steps: 10, every: 10 });
  clearInterval(timer);
  expect(turns).toBeGreaterThanOrEqual(8);
});

test("what a callback throws ends training", async () => {
  const onCheckpoint = () => {
    throw new Error("refused");
  };
  await expect(train({ steps: 5 }, { onCheckpoint })).rejects.toThrow("refused");
});

test("weightNorm is the L2 norm over the weights in the file", async () => {
  const { onnx, weightNorm } = await train({ steps: 1 });
  // The only float32 data of that size in the file are the initializers: find each by its name, then field 9.
  let sum = 0;
  for (const values of initializersOf(onnx)) for (const value of values) sum += value * value;
  expect(Math.abs(Math.sqrt(sum) - weightNorm)).toBeLessThan(1e-9);
});

/** Every raw_data in the file: tag 9, length-delimited (0x4a), a length that fits one of the six weights. */
function* initializersOf(onnx: Uint8Array): Generator<Float32Array> {
  const names = ["embedding.a", "embedding.b", "hidden.weight", "hidden.bias", "output.weight", "output.bias"];
  const text = Buffer.from(onnx).toString("latin1");
  for (const name of names) {
    // A name is written once as the node's input and once as the initializer's, right before its data.
    let at = text.lastIndexOf(name) + name.length;
    if (onnx[at++] !== 0x4a) throw new Error(`no data after ${name}`);
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = onnx[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    yield new Float32Array(onnx.slice(at, at + length).buffer);
  }
}
