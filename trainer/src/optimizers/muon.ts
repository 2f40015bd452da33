import * as tf from "@tensorflow/tfjs-core";
import type { Network } from "../networks/network.ts";
import { type AdamSettings, AdamW } from "./adamw.ts";
import type { Optimizer, UpdateRates } from "./optimizer.ts";
import { joinState, take, zerosFor } from "./state.ts";

const MOMENTUM = 0.95;
// Jordan's quintic: its slope at 0 is steep, and it leaves singular values between about .7 and 1.2, not at 1.
const [A, B, C] = [3.4445, -4.775, 2.0315];
const ITERATIONS = 5;

/**
 * Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): Nesterov momentum, orthogonalized, for the matrices
 * between hidden layers; AdamW for embeddings, biases and the output, as there. `muonFactor` times the learning rate
 * is the rate of the former. Decay is decoupled.
 */
export class Muon implements Optimizer {
  readonly state: ReadonlyMap<string, tf.Variable>;
  readonly #factor: number;
  readonly #matrices: ReadonlyMap<string, tf.Variable>;
  readonly #momenta: ReadonlyMap<string, tf.Variable>;
  readonly #adam: AdamW;

  constructor(
    { weights, hiddenMatrices }: Pick<Network, "weights" | "hiddenMatrices">,
    settings: AdamSettings & { readonly muonFactor: number },
  ) {
    this.#factor = settings.muonFactor;
    this.#matrices = new Map([...weights].filter(([name]) => hiddenMatrices.has(name)));
    this.#momenta = zerosFor(this.#matrices);
    this.#adam = new AdamW(new Map([...weights].filter(([name]) => !hiddenMatrices.has(name))), settings);
    this.state = new Map([...joinState({ momentum: this.#momenta }), ...this.#adam.state]);
  }

  update(gradients: ReadonlyMap<string, tf.Tensor>, rates: UpdateRates): void {
    const rate = rates.learningRate * this.#factor;
    for (const [name, weight] of this.#matrices) {
      const [gradient, momentum] = [take(gradients, name), take(this.#momenta, name)];
      tf.tidy(() => {
        momentum.assign(tf.add(tf.mul(momentum, MOMENTUM), tf.mul(gradient, 1 - MOMENTUM)));
        const ahead = tf.add(tf.mul(gradient, 1 - MOMENTUM), tf.mul(momentum, MOMENTUM));
        const direction = orthogonalize(ahead as tf.Tensor2D);
        // Matrices here are [inputs, outputs], transposed to PyTorch's.
        const [inputs = 1, outputs = 1] = weight.shape;
        const scale = Math.sqrt(Math.max(1, outputs / inputs));
        weight.assign(tf.sub(tf.mul(weight, 1 - rate * rates.weightDecay), tf.mul(direction, rate * scale)));
      });
    }
    this.#adam.update(gradients, rates);
  }
}

/** Brings all singular values near 1, by Newton-Schulz iterations. Called inside tf.tidy. */
export function orthogonalize(matrix: tf.Tensor2D): tf.Tensor2D {
  const [rows, columns] = matrix.shape;
  const tall = rows > columns;
  const wide: tf.Tensor2D = tall ? tf.transpose(matrix) : matrix;
  let x: tf.Tensor2D = tf.div(wide, tf.add(tf.norm(wide), 1e-7));
  for (let i = 0; i < ITERATIONS; i++) {
    const gram: tf.Tensor2D = tf.matMul(x, tf.transpose(x));
    const polynomial: tf.Tensor2D = tf.add(tf.mul(gram, B), tf.mul(tf.matMul(gram, gram), C));
    x = tf.add(tf.mul(x, A), tf.matMul(polynomial, x));
  }
  return tall ? tf.transpose(x) : x;
}
