import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { useBackend } from "../src/backends/backend.ts";
import {
  createGradientFilter,
  type GradientFilter,
  type GradientFilterSettings,
} from "../src/optimizers/gradient-filters.ts";
import { defaults } from "../src/settings.ts";

beforeAll(() => useBackend("cpu"));

/** For one weight of these values. */
const filterOf = (settings: Partial<GradientFilterSettings>, values = [0]): GradientFilter =>
  createGradientFilter(new Map([["w", tf.variable(tf.tensor1d(values))]]), { ...defaults, ...settings });

/** What a filter makes of one gradient after another. */
const filtered = (filter: GradientFilter, gradients: number[][]) =>
  gradients.map((gradient, i) => [
    ...(filter
      .apply(new Map([["w", tf.tensor1d(gradient)]]), i + 1)
      .get("w")
      ?.dataSync() ?? []),
  ]);

function expectClose(got: number[][], wanted: number[][]): void {
  wanted.flat().forEach((value, i) => {
    expect(got.flat()[i], `number ${i}`).toBeCloseTo(value, 6);
  });
}

describe("Grokfast, worked out by hand,", () => {
  test("with an exponential average", () => {
    // Means: 1, then .9 * 1 + .1 * 2 = 1.1, then .9 * 1.1 - .1 * 1 = .89; twice that is added.
    const filter = filterOf({ gradientFilter: "grokfast-ema", grokfastAlpha: 0.9, grokfastLambda: 2 });
    expectClose(filtered(filter, [[1], [2], [-1]]), [[3], [4.2], [0.78]]);
  });

  test("with the average of a window, once it is full", () => {
    // From the third on means of 1 2 6, 2 6 4, 6 4 -1, 4 -1 0: 3, 4, 3, 1; five times that is added.
    const filter = filterOf({ gradientFilter: "grokfast-ma", grokfastWindow: 3, grokfastLambda: 5 });
    expectClose(filtered(filter, [[1], [2], [6], [4], [-1], [0]]), [[1], [2], [21], [24], [14], [5]]);
  });
});

test("large gradients leave nothing in Grokfast's sum once they have left its window", () => {
  // As when a network has fitted: what float32 rounds off sums of the first ones is larger than the last ones.
  const filter = filterOf({ gradientFilter: "grokfast-ma", grokfastWindow: 10, grokfastLambda: 5 });
  const gradients = Array.from({ length: 60 }, (_, i) => [i < 40 ? 1.3 * Math.sin(7 * i) + 0.3 : 1e-7]);
  const last = filtered(filter, gradients).at(-1)?.[0] ?? Number.NaN;
  expect(last / 6e-7).toBeCloseTo(1, 5);
});

test("without a filter gradients are as they were", () => {
  expect(filtered(filterOf({ gradientFilter: "none" }), [[3], [-2]])).toEqual([[3], [-2]]);
});

describe("the orthogonal gradient", () => {
  test("is worked out by hand: across the weight, as long as before", () => {
    // Weight [3, 4], gradient [5, 0]: along it 15 / 25 = .6 times the weight, [1.8, 2.4]; across it [3.2, -2.4], of
    // length 4; the gradient's is 5.
    expectClose(filtered(filterOf({ gradientFilter: "orthogonal" }, [3, 4]), [[5, 0]]), [[4, -3]]);
  });

  test.each([
    { name: "a weight of zero", weight: [0, 0], gradient: [3, 4], wanted: [3, 4] },
    { name: "a gradient of zero", weight: [3, 4], gradient: [0, 0], wanted: [0, 0] },
  ])("bears $name", ({ weight, gradient, wanted }) => {
    expectClose(filtered(filterOf({ gradientFilter: "orthogonal" }, weight), [gradient]), [wanted]);
  });
});
