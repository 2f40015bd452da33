import * as tf from "@tensorflow/tfjs-core";
import { take, zerosFor } from "./state.ts";

type Gradients = ReadonlyMap<string, tf.Tensor>;
type Weights = ReadonlyMap<string, tf.Variable>;

/** What happens to gradients before the optimizer sees them. */
export interface GradientFilter {
  /** What it remembers between updates, by name. */
  readonly state: Weights;
  /** `update` counts from 1. Called inside tf.tidy. */
  apply(gradients: Gradients, update: number): Gradients;
}

export interface GradientFilterSettings {
  readonly gradientFilter: GradientFilterName;
  readonly grokfastAlpha: number;
  readonly grokfastLambda: number;
  readonly grokfastWindow: number;
}

const filters = {
  none: () => unfiltered,
  "grokfast-ema": grokfastEma,
  "grokfast-ma": grokfastMa,
  orthogonal: orthogonalGradient,
} satisfies Record<string, (weights: Weights, settings: GradientFilterSettings) => GradientFilter>;

export type GradientFilterName = keyof typeof filters;
export const gradientFilterNames = Object.keys(filters) as GradientFilterName[];

export const createGradientFilter = (weights: Weights, settings: GradientFilterSettings): GradientFilter =>
  filters[settings.gradientFilter](weights, settings);

export function disposeGradientFilter({ state }: GradientFilter): void {
  tf.dispose([...state.values()]);
}

const unfiltered: GradientFilter = { state: new Map(), apply: (gradients) => gradients };

/**
 * Grokfast (Lee et al. 2024, arXiv 2405.20233): adds lambda times the slow part of the gradient, its exponential
 * moving average mean = alpha mean + (1 - alpha) g, which starts at the first gradient.
 */
function grokfastEma(
  weights: Weights,
  { grokfastAlpha: alpha, grokfastLambda: lambda }: Pick<GradientFilterSettings, "grokfastAlpha" | "grokfastLambda">,
): GradientFilter {
  const means = zerosFor(weights);
  return {
    state: prefix("grokfast", means),
    apply: (gradients, update) =>
      mapWeights(weights, (name) => {
        const [gradient, mean] = [take(gradients, name), take(means, name)];
        if (update === 1) mean.assign(gradient);
        else mean.assign(tf.add(tf.mul(mean, alpha), tf.mul(gradient, 1 - alpha)));
        return tf.add(gradient, tf.mul(mean, lambda));
      }),
  };
}

/**
 * The same with the mean over the last `window` gradients, from the update at which there are so many. They are kept:
 * it takes `window` times the memory of the weights. Their sum moves with the window, and is taken anew each time the
 * ring has gone round: what rounding left of large gradients would outweigh small ones for good.
 */
function grokfastMa(
  weights: Weights,
  { grokfastWindow: window, grokfastLambda: lambda }: Pick<GradientFilterSettings, "grokfastWindow" | "grokfastLambda">,
): GradientFilter {
  const ring = Array.from({ length: window }, () => zerosFor(weights));
  const sums = zerosFor(weights);
  const rings = ring.flatMap((kept, i) => [...prefix(`grokfast.${i}`, kept)]);
  return {
    state: new Map([...prefix("grokfast.sum", sums), ...rings]),
    apply(gradients, update) {
      const oldest = ring[update % window] ?? sums;
      return mapWeights(weights, (name) => {
        const [gradient, sum, slot] = [take(gradients, name), take(sums, name), take(oldest, name)];
        const moved = tf.add(tf.sub(sum, slot), gradient);
        slot.assign(gradient);
        sum.assign(update % window === 0 ? tf.addN(ring.map((kept) => take(kept, name))) : moved);
        return update < window ? tf.clone(gradient) : tf.add(gradient, tf.mul(sum, lambda / window));
      });
    },
  };
}

/**
 * Orthogonal gradient (Prieto et al. 2025, arXiv 2501.04697): what is left of each weight's gradient without its part
 * along the weight itself, which only scales the logits, at the length that it had.
 */
function orthogonalGradient(weights: Weights): GradientFilter {
  return {
    state: new Map(),
    apply: (gradients) =>
      mapWeights(weights, (name, weight) => {
        const gradient = take(gradients, name);
        const along = tf.div(tf.sum(tf.mul(weight, gradient)), tf.add(tf.sum(tf.square(weight)), TINY));
        const across = tf.sub(gradient, tf.mul(weight, along));
        return tf.mul(across, tf.div(tf.norm(gradient), tf.add(tf.norm(across), TINY)));
      }),
  };
}

/** Against 0 / 0; next to the smallest normal float32. */
const TINY = 1e-30;

const mapWeights = (weights: Weights, change: (name: string, weight: tf.Variable) => tf.Tensor): Gradients =>
  new Map([...weights].map(([name, weight]) => [name, tf.tidy(() => change(name, weight))]));

const prefix = (kind: string, moments: Weights): Weights =>
  new Map([...moments].map(([name, moment]) => [`${kind}/${name}`, moment]));
