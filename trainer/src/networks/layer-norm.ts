import * as tf from "@tensorflow/tfjs-core";
import { differentiable } from "./operations.ts";

/** PyTorch's and ONNX's default: what keeps a constant row from 0 / 0. */
export const EPSILON = 1e-5;

/**
 * Each row of x [N, M] at mean 0 and variance 1 (that of M numbers, not of a sample), times gain [M], plus bias [M].
 * The gradient is written out: TensorFlow.js's own goes through four broadcast operations, each with its reduction.
 */
export function layerNorm(x: tf.Tensor2D, gain: tf.Tensor1D, bias: tf.Tensor1D): tf.Tensor2D {
  return differentiable(
    [x, gain, bias],
    () => {
      const centred: tf.Tensor2D = tf.sub(x, tf.mean(x, 1, true));
      const inverse: tf.Tensor2D = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), EPSILON));
      const rows: tf.Tensor2D = tf.mul(centred, inverse);
      return { value: tf.add<tf.Tensor2D>(tf.mul(rows, gain), bias), kept: [rows, inverse, gain] };
    },
    (dy, [rows, inverse, gain]) => {
      const dRows = tf.mul(dy, gain);
      // Less what would move the row's mean, and what would scale it: neither reaches the output.
      const along = tf.mul(rows, tf.mean(tf.mul(dRows, rows), 1, true));
      const across = tf.sub(tf.sub(dRows, tf.mean(dRows, 1, true)), along);
      return [tf.mul(across, inverse), tf.sum(tf.mul(dy, rows), 0), tf.sum(dy, 0)];
    },
  );
}
