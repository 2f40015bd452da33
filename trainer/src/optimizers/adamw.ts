import * as tf from "@tensorflow/tfjs-core";
import type { Optimizer, UpdateRates } from "./optimizer.ts";
import { joinState, take, zerosFor } from "./state.ts";

export interface AdamSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019): it shrinks the weights, never enters the moments. */
export class AdamW implements Optimizer {
  readonly state: ReadonlyMap<string, tf.Variable>;
  readonly #settings: AdamSettings;
  readonly #weights: ReadonlyMap<string, tf.Variable>;
  readonly #means: ReadonlyMap<string, tf.Variable>;
  readonly #squares: ReadonlyMap<string, tf.Variable>;

  constructor(weights: ReadonlyMap<string, tf.Variable>, settings: AdamSettings) {
    this.#settings = settings;
    this.#weights = weights;
    this.#means = zerosFor(weights);
    this.#squares = zerosFor(weights);
    this.state = joinState({ mean: this.#means, square: this.#squares });
  }

  update(gradients: ReadonlyMap<string, tf.Tensor>, { update, learningRate, weightDecay }: UpdateRates): void {
    const { beta1, beta2, epsilon } = this.#settings;
    // Kingma and Ba's reordering: both bias corrections become two numbers, not two passes over the moments.
    const meanCorrection = 1 - beta1 ** update;
    const squareCorrection = Math.sqrt(1 - beta2 ** update);
    const rate = (learningRate * squareCorrection) / meanCorrection;
    for (const [name, weight] of this.#weights) {
      const [gradient, mean, square] = [take(gradients, name), take(this.#means, name), take(this.#squares, name)];
      tf.tidy(() => {
        mean.assign(tf.add(tf.mul(mean, beta1), tf.mul(gradient, 1 - beta1)));
        square.assign(tf.add(tf.mul(square, beta2), tf.mul(tf.square(gradient), 1 - beta2)));
        const direction = tf.div(mean, tf.add(tf.sqrt(square), epsilon * squareCorrection));
        weight.assign(tf.sub(tf.mul(weight, 1 - learningRate * weightDecay), tf.mul(direction, rate)));
      });
    }
  }
}

/** Adam (Kingma and Ba 2015) with weight decay as the gradient of an L2 penalty, so that it enters the moments. */
export class CoupledAdam implements Optimizer {
  readonly state: ReadonlyMap<string, tf.Variable>;
  readonly #weights: ReadonlyMap<string, tf.Variable>;
  readonly #adam: AdamW;

  constructor(weights: ReadonlyMap<string, tf.Variable>, settings: AdamSettings) {
    this.#weights = weights;
    this.#adam = new AdamW(weights, settings);
    this.state = this.#adam.state;
  }

  update(gradients: ReadonlyMap<string, tf.Tensor>, rates: UpdateRates): void {
    tf.tidy(() => {
      const penalized = [...this.#weights].map(([name, weight]): [string, tf.Tensor] => [
        name,
        tf.add(take(gradients, name), tf.mul(weight, rates.weightDecay)),
      ]);
      this.#adam.update(new Map(penalized), { ...rates, weightDecay: 0 });
    });
  }
}
