import type * as tf from "@tensorflow/tfjs-core";
import type { Split } from "../tasks/task.ts";

/** Weight values as plain numbers, by name: what leaves the backend. */
export type WeightValues = ReadonlyMap<string, Float32Array>;

export interface Network {
  /** By name, in the order in which they are saved. */
  readonly weights: ReadonlyMap<string, tf.Variable>;
  /** Names of the matrices between hidden layers, which Muon orthogonalizes: neither embeddings nor output. */
  readonly hiddenMatrices: ReadonlySet<string>;
  /** Puts a split's inputs where `logits` wants them; the caller disposes of the tensors. */
  encode(split: Split): tf.Tensor2D[];
  /** Forward pass: [examples, classes]. Called inside tf.tidy or under a gradient. */
  logits(inputs: readonly tf.Tensor2D[]): tf.Tensor2D;
  /** The same forward pass as an ONNX file. */
  toOnnx(values: WeightValues): Uint8Array<ArrayBuffer>;
}

export async function readWeights(network: Network): Promise<WeightValues> {
  const values = new Map<string, Float32Array>();
  for (const [name, weight] of network.weights) values.set(name, await weight.data<"float32">());
  return values;
}

export function valuesOf(values: WeightValues, name: string): Float32Array {
  const found = values.get(name);
  if (found === undefined) throw new Error(`no values for ${name}`);
  return found;
}

/** L2 norm over all weights, summed in double precision. */
export function weightNorm(values: WeightValues): number {
  let sum = 0;
  for (const weight of values.values()) for (const value of weight) sum += value * value;
  return Math.sqrt(sum);
}

export function disposeNetwork(network: Network): void {
  for (const weight of network.weights.values()) weight.dispose();
}
