import * as tf from "@tensorflow/tfjs-core";

export interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled (Loshchilov and Hutter): shrinks the weights themselves, never mixed into the gradient's moments. */
  readonly weightDecay: number;
}

interface Slot {
  readonly weight: tf.Variable;
  readonly mean: tf.Variable;
  readonly square: tf.Variable;
}

export class AdamW {
  readonly #settings: AdamWSettings;
  readonly #slots: ReadonlyMap<string, Slot>;
  #step = 0;

  constructor(weights: ReadonlyMap<string, tf.Variable>, settings: AdamWSettings) {
    this.#settings = settings;
    const moment = (weight: tf.Variable) => tf.tidy(() => tf.variable(tf.zerosLike(weight), false));
    this.#slots = new Map(
      [...weights].map(([name, weight]) => [name, { weight, mean: moment(weight), square: moment(weight) }]),
    );
  }

  /** One update; `gradients` is keyed as the weights are. */
  update(gradients: ReadonlyMap<string, tf.Tensor>, learningRate: number): void {
    const { beta1, beta2, epsilon, weightDecay } = this.#settings;
    this.#step += 1;
    // Kingma and Ba's reordering: both bias corrections become two numbers, not two passes over the moments.
    const meanCorrection = 1 - beta1 ** this.#step;
    const squareCorrection = Math.sqrt(1 - beta2 ** this.#step);
    const rate = (learningRate * squareCorrection) / meanCorrection;
    for (const [name, { weight, mean, square }] of this.#slots) {
      const gradient = gradients.get(name);
      if (gradient === undefined) throw new Error(`no gradient for ${name}`);
      tf.tidy(() => {
        mean.assign(tf.add(tf.mul(mean, beta1), tf.mul(gradient, 1 - beta1)));
        square.assign(tf.add(tf.mul(square, beta2), tf.mul(tf.square(gradient), 1 - beta2)));
        const direction = tf.div(mean, tf.add(tf.sqrt(square), epsilon * squareCorrection));
        weight.assign(tf.sub(tf.mul(weight, 1 - learningRate * weightDecay), tf.mul(direction, rate)));
      });
    }
  }

  dispose(): void {
    for (const { mean, square } of this.#slots.values()) {
      mean.dispose();
      square.dispose();
    }
  }
}
