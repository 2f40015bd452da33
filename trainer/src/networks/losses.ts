import * as tf from "@tensorflow/tfjs-core";
import { differentiable } from "./operations.ts";

/** Mean over the rows, of logits [N, classes] against one-hot targets. */
export type Loss = (logits: tf.Tensor2D, target: tf.Tensor2D) => tf.Scalar;

/** Softmax cross-entropy. */
export function crossEntropy(logits: tf.Tensor2D, target: tf.Tensor2D): tf.Scalar {
  const [rows] = logits.shape;
  return differentiable(
    [logits],
    () => {
      const logProbabilities: tf.Tensor2D = tf.sub(logits, tf.logSumExp(logits, 1, true));
      const value: tf.Scalar = tf.div(tf.sum(tf.mul(logProbabilities, target)), -rows);
      return { value, kept: [logProbabilities] };
    },
    (dy, [logProbabilities]) => [tf.mul(tf.sub(tf.exp(logProbabilities), target), tf.div(dy, rows))],
  );
}

/**
 * Cross-entropy of StableMax (Prieto et al. 2025, arXiv 2501.04697): s(x) = x + 1 from 0 up and 1 / (1 - x) below, in
 * place of exp(x), so that no probability is rounded to 0 or 1 when logits are far apart.
 */
export function stableMaxLoss(logits: tf.Tensor2D, target: tf.Tensor2D): tf.Scalar {
  const [rows] = logits.shape;
  return differentiable(
    [logits],
    () => {
      const weights: tf.Tensor2D = tf.where(
        tf.greaterEqual(logits, 0),
        tf.add(logits, 1),
        tf.div(1, tf.sub(1, tf.minimum(logits, 0))),
      );
      const logProbabilities = tf.sub(tf.log(weights), tf.log(tf.sum(weights, 1, true)));
      const value: tf.Scalar = tf.div(tf.sum(tf.mul(logProbabilities, target)), -rows);
      return { value, kept: [weights, logits] };
    },
    (dy, [weights, logits]) => {
      // (log s)' = s' / s is 1 / s from 0 up and s below.
      const slopes = tf.where(tf.greaterEqual(logits, 0), tf.div(1, weights), weights);
      const probabilities = tf.div(weights, tf.sum(weights, 1, true));
      return [tf.mul(tf.mul(slopes, tf.sub(probabilities, target)), tf.div(dy, rows))];
    },
  );
}

/** Squared error, also mean over the classes. */
export function squaredError(logits: tf.Tensor2D, target: tf.Tensor2D): tf.Scalar {
  const [rows, classes] = logits.shape;
  return differentiable(
    [logits],
    () => {
      const errors: tf.Tensor2D = tf.sub(logits, target);
      const value: tf.Scalar = tf.div(tf.sum(tf.square(errors)), rows * classes);
      return { value, kept: [errors] };
    },
    (dy, [errors]) => [tf.mul(errors, tf.div(tf.mul(dy, 2), rows * classes))],
  );
}

export const losses = {
  "cross-entropy": crossEntropy,
  stablemax: stableMaxLoss,
  "squared-error": squaredError,
} satisfies Record<string, Loss>;

export type LossName = keyof typeof losses;
export const lossNames = Object.keys(losses) as LossName[];
