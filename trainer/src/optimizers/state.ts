import * as tf from "@tensorflow/tfjs-core";

/** One zero variable for each weight, by the weight's name: what an optimizer keeps a moment in. */
export const zerosFor = (weights: ReadonlyMap<string, tf.Variable>): ReadonlyMap<string, tf.Variable> =>
  new Map([...weights].map(([name, weight]) => [name, tf.tidy(() => tf.variable(tf.zerosLike(weight), false))]));

/** Several moments as one map, each name after its kind. */
export const joinState = (
  kinds: Readonly<Record<string, ReadonlyMap<string, tf.Variable>>>,
): ReadonlyMap<string, tf.Variable> =>
  new Map(
    Object.entries(kinds).flatMap(([kind, moments]) =>
      [...moments].map(([name, moment]): [string, tf.Variable] => [`${kind}/${name}`, moment]),
    ),
  );

export function take<Value>(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (value === undefined) throw new Error(`no gradient for ${name}`);
  return value;
}
