import * as tf from "@tensorflow/tfjs-core";
import type { Network } from "./networks/network.ts";
import type { Split } from "./tasks/task.ts";

export interface SplitResult {
  readonly correct: number;
  readonly total: number;
  /** Mean cross-entropy. */
  readonly loss: number;
}

/** Counts by the trainer's own forward pass, for comparison with what others compute from the exported file. */
export async function evaluate(network: Network, split: Split): Promise<SplitResult> {
  const logits = tf.tidy(() => network.logits(network.encode(split)));
  const values = await logits.data<"float32">();
  logits.dispose();
  return score(values, split.target);
}

/** Ties go to the lowest class. Losses are summed in double precision. */
export function score(logits: Float32Array, target: Int32Array): SplitResult {
  const classes = logits.length / target.length;
  let correct = 0;
  let loss = 0;
  target.forEach((label, example) => {
    const row = logits.subarray(example * classes, (example + 1) * classes);
    const largest = row.reduce((max, value) => Math.max(max, value), Number.NEGATIVE_INFINITY);
    const sum = row.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    if (row.indexOf(largest) === label) correct += 1;
    loss += largest + Math.log(sum) - (row[label] ?? Number.NaN);
  });
  return { correct, total: target.length, loss: loss / target.length };
}
