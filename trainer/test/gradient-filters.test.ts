import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { useBackend } from "../src/backends/backend.ts";
import {
  type GradientFilter,
  grokfastEma,
  grokfastMa,
  orthogonalGradient,
} from "../src/optimizers/gradient-filters.ts";

beforeAll(() => useBackend("cpu"));

const weightsOf = (values: number[]) => new Map([["w", tf.variable(tf.tensor1d(values))]]);

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
    const filter = grokfastEma(weightsOf([0]), { grokfastAlpha: 0.9, grokfastLambda: 2 });
    expectClose(filtered(filter, [[1], [2], [-1]]), [[3], [4.2], [0.78]]);
  });

  test("with the average of a window, once it is full", () => {
    // From the third on means of 1 2 6, 2 6 4, 6 4 -1, 4 -1 0: 3, 4, 3, 1; five times that is added.
    const filter = grokfastMa(weightsOf([0]), { grokfastWindow: 3, grokfastLambda: 5 });
    expectClose(filtered(filter, [[1], [2], [6], [4], [-1], [0]]), [[1], [2], [21], [24], [14], [5]]);
  });
});

describe("the orthogonal gradient", () => {
  test("is worked out by hand: across the weight, as long as before", () => {
    // Weight [3, 4], gradient [5, 0]: along it 15 / 25 = .6 times the weight, [1.8, 2.4]; across it [3.2, -2.4], of
    // length 4; the gradient's is 5.
    expectClose(filtered(orthogonalGradient(weightsOf([3, 4])), [[5, 0]]), [[4, -3]]);
  });

  test.each([
    { name: "a weight of zero", weight: [0, 0], gradient: [3, 4], wanted: [3, 4] },
    { name: "a gradient of zero", weight: [3, 4], gradient: [0, 0], wanted: [0, 0] },
  ])("bears $name", ({ weight, gradient, wanted }) => {
    expectClose(filtered(orthogonalGradient(weightsOf(weight)), [gradient]), [wanted]);
  });
});
