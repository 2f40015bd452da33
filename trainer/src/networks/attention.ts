import * as tf from "@tensorflow/tfjs-core";
import { columnSums, differentiable } from "./operations.ts";

export interface AttentionSettings {
  readonly heads: number;
  /** Times the product of a key and the question. */
  readonly scale: number;
}

/**
 * What a question gets from several positions, whose keys and values are [N, width]; any of the three is [1, width]
 * where it is the same for every example. [N, width], each head in columns of its own. The positions' shares are the
 * softmax of their keys' products with the question.
 */
export function attend(
  question: tf.Tensor2D,
  keys: readonly tf.Tensor2D[],
  values: readonly tf.Tensor2D[],
  { heads, scale }: AttentionSettings,
): tf.Tensor2D {
  const [, width] = question.shape;
  const rows = Math.max(...[question, ...keys].map((x) => x.shape[0]));
  const parts = (x: tf.Tensor): tf.Tensor3D => tf.reshape(x, [-1, heads, width / heads]);
  const joined = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [-1, width]);
  const perPart = (x: tf.Tensor): tf.Tensor3D => tf.expandDims(x, 2);
  /** Where one row served every example, their gradients add up. */
  const asIn = (like: tf.Tensor2D, gradient: tf.Tensor2D): tf.Tensor2D =>
    like.shape[0] === gradient.shape[0] ? gradient : columnSums(gradient);

  return differentiable(
    [question, ...keys, ...values],
    () => {
      const none = tf.zeros([rows, heads]);
      const scores = keys.map((key) => tf.add(tf.mul(tf.sum(parts(tf.mul(key, question)), 2), scale), none));
      const shares = tf.unstack(tf.softmax(tf.stack(scores, 2)), 2);
      const mixed = values
        .map((value, i) => tf.mul(parts(value), perPart(shares[i] as tf.Tensor)))
        .reduce((sum, next) => tf.add(sum, next));
      return { value: joined(mixed), kept: [question, ...keys, ...values, ...shares] };
    },
    (dy, kept) => {
      const [question, ...rest] = kept;
      const [keys, values, shares] = [0, 1, 2].map((i) =>
        rest.slice(i * (rest.length / 3), (i + 1) * (rest.length / 3)),
      );
      if (question === undefined || keys === undefined || values === undefined || shares === undefined) {
        throw new Error("the gradient was given back less than it kept");
      }
      const dyParts = parts(dy);
      const dShares = values.map((value) => tf.sum(tf.mul(dyParts, parts(value)), 2));
      const weighted = shares.map((share, i) => tf.mul(share, dShares[i] as tf.Tensor));
      const total = weighted.reduce((sum, next) => tf.add(sum, next));
      const dScores = shares.map((share, i) =>
        perPart(tf.mul(tf.sub(weighted[i] as tf.Tensor, tf.mul(share, total)), scale)),
      );
      const dQuestion = keys
        .map((key, i) => asIn(question as tf.Tensor2D, joined(tf.mul(dScores[i] as tf.Tensor, parts(key)))))
        .reduce((sum, next) => tf.add(sum, next));
      const dKeys = keys.map((key, i) =>
        asIn(key as tf.Tensor2D, joined(tf.mul(dScores[i] as tf.Tensor, parts(question)))),
      );
      const dValues = values.map((value, i) =>
        asIn(value as tf.Tensor2D, joined(tf.mul(dyParts, perPart(shares[i] as tf.Tensor)))),
      );
      return [dQuestion, ...dKeys, ...dValues];
    },
  );
}
