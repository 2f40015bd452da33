import * as tf from "@tensorflow/tfjs-core";
import type { Optimizer, UpdateRates } from "./optimizer.ts";
import { joinState, take, zerosFor } from "./state.ts";

/**
 * Gradient descent with heavy-ball momentum as PyTorch has it: v = momentum v + g, w = w - rate v, where g holds the
 * gradient of the L2 penalty too.
 */
export class Sgd implements Optimizer {
  readonly state: ReadonlyMap<string, tf.Variable>;
  readonly #momentum: number;
  readonly #weights: ReadonlyMap<string, tf.Variable>;
  readonly #velocities: ReadonlyMap<string, tf.Variable>;

  constructor(weights: ReadonlyMap<string, tf.Variable>, { momentum }: { readonly momentum: number }) {
    this.#momentum = momentum;
    this.#weights = weights;
    this.#velocities = zerosFor(weights);
    this.state = joinState({ velocity: this.#velocities });
  }

  update(gradients: ReadonlyMap<string, tf.Tensor>, { learningRate, weightDecay }: UpdateRates): void {
    for (const [name, weight] of this.#weights) {
      const [gradient, velocity] = [take(gradients, name), take(this.#velocities, name)];
      tf.tidy(() => {
        const penalized = tf.add(gradient, tf.mul(weight, weightDecay));
        velocity.assign(tf.add(tf.mul(velocity, this.#momentum), penalized));
        weight.assign(tf.sub(weight, tf.mul(velocity, learningRate)));
      });
    }
  }
}
