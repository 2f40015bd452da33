import * as tf from "@tensorflow/tfjs-core";
import type { Random } from "../random.ts";

export const vector = (size: number, draw: () => number): tf.Variable<tf.Rank.R1> =>
  tf.tidy(() => tf.variable(tf.tensor1d(Float32Array.from({ length: size }, draw))));

export const matrix = (rows: number, columns: number, draw: () => number): tf.Variable<tf.Rank.R2> =>
  tf.tidy(() => tf.variable(tf.tensor2d(Float32Array.from({ length: rows * columns }, draw), [rows, columns])));

/** PyTorch's default for a linear layer, which the setup was tuned with, times `scale`. */
export function uniform(random: Random, inputs: number, scale: number): () => number {
  const bound = scale / Math.sqrt(inputs);
  return () => (2 * random.uniform() - 1) * bound;
}

/** Normal with mean 0 and this deviation. */
export const normal =
  (random: Random, deviation: number): (() => number) =>
  () =>
    deviation * random.normal();
