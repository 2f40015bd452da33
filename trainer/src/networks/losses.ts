import * as tf from "@tensorflow/tfjs-core";
import { differentiable } from "./operations.ts";

/**
 * The gradient of a loss, which is a mean over the rows, by the logits [N, classes], against one-hot targets. Training
 * never reads the loss itself, so no step computes it.
 */
export type LossGradient = (logits: tf.Tensor2D, target: tf.Tensor2D) => tf.Tensor2D;

/** Softmax cross-entropy. */
export const crossEntropy: LossGradient = (logits, target) =>
  tf.div(tf.sub(tf.softmax(logits), target), logits.shape[0]);

/**
 * Cross-entropy of StableMax (Prieto et al. 2025, arXiv 2501.04697): s(x) = x + 1 from 0 up and 1 / (1 - x) below, in
 * place of exp(x), so that no probability is rounded to 0 or 1 when logits are far apart.
 */
const stableMax: LossGradient = (logits, target) => {
  const positive = tf.greaterEqual(logits, 0);
  const below: tf.Tensor2D = tf.div(1, tf.sub(1, tf.minimum(logits, 0)));
  const weights: tf.Tensor2D = tf.where(positive, tf.add(logits, 1), below);
  // (log s)' = s' / s is 1 / s from 0 up and s below.
  const slopes: tf.Tensor2D = tf.where(positive, tf.div(1, weights), weights);
  const probabilities: tf.Tensor2D = tf.div(weights, tf.sum(weights, 1, true));
  return tf.div<tf.Tensor2D>(tf.mul(slopes, tf.sub(probabilities, target)), logits.shape[0]);
};

/** Squared error, also mean over the classes. */
const squaredError: LossGradient = (logits, target) =>
  tf.mul(tf.sub(logits, target), 2 / (logits.shape[0] * logits.shape[1]));

export const losses = {
  "cross-entropy": crossEntropy,
  stablemax: stableMax,
  "squared-error": squaredError,
} satisfies Record<string, LossGradient>;

export type LossName = keyof typeof losses;
export const lossNames = Object.keys(losses) as LossName[];

/** Where the tape starts back: nothing in place of the loss, and its gradient as it is. */
export const startBack = (logits: tf.Tensor2D, target: tf.Tensor2D, loss: LossGradient): tf.Scalar =>
  differentiable(
    [logits],
    () => ({ value: tf.scalar(0), kept: [loss(logits, target)] }),
    (_one, [gradient]) => [gradient],
  );
