import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { useBackend } from "../src/backends/backend.ts";
import { AdamW } from "../src/optimizers/adamw.ts";
import { learningRateAt } from "../src/optimizers/schedule.ts";

const settings = { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 1 };

describe("AdamW", () => {
  beforeAll(() => useBackend("cpu"));

  test("makes the updates worked out by hand", () => {
    const weight = tf.variable(tf.tensor1d([1, -2]));
    const optimizer = new AdamW(new Map([["w", weight]]), settings);
    const update = (gradient: number[]) => {
      optimizer.update(new Map([["w", tf.tensor1d(gradient)]]), 0.01);
      return [...weight.dataSync()];
    };
    // First: decay to 0.99 and -1.98. Both bias-corrected moments are g and g^2, so each moves by 0.01 against the
    // sign of its gradient, however large that is.
    const first = update([0.5, -4]);
    expect(first[0]).toBeCloseTo(0.98, 6);
    expect(first[1]).toBeCloseTo(-1.97, 6);
    // Second, with gradients [1, 0]:
    //   m = .9 * .05 + .1 * 1 = .145            over 1 - .9^2  = .19    -> .7631579
    //   v = .98 * .005 + .02 * 1 = .0249        over 1 - .98^2 = .0396  -> .6287879, root .7929615
    //   w = .98 * .99 - .01 * .7631579 / .7929615 = .9605758
    //   m = .9 * -.4 = -.36 -> -1.8947368       v = .98 * .32 = .3136 -> 7.9191919, root 2.8141059
    //   w = -1.97 * .99 + .01 * 1.8947368 / 2.8141059 = -1.9435670
    const second = update([1, 0]);
    expect(second[0]).toBeCloseTo(0.9605758, 6);
    expect(second[1]).toBeCloseTo(-1.943567, 6);
  });

  test("decays weights that have no gradient at all", () => {
    const weight = tf.variable(tf.tensor1d([8]));
    const optimizer = new AdamW(new Map([["w", weight]]), settings);
    optimizer.update(new Map([["w", tf.tensor1d([0])]]), 0.25);
    expect(weight.dataSync()[0]).toBeCloseTo(6, 6);
  });

  test("refuses gradients that miss a weight", () => {
    const optimizer = new AdamW(new Map([["w", tf.variable(tf.tensor1d([1]))]]), settings);
    expect(() => optimizer.update(new Map(), 0.1)).toThrow("no gradient for w");
  });
});

test.each([
  [0, 1],
  [600, 1],
  [900, 0.51],
  [1200, 0.02],
  [1500, 0.02],
])("the learning rate at step %i is %f of itself", (step, share) => {
  const schedule = { learningRate: 0.01, decayFrom: 600, decayTo: 1200, decayFloor: 0.02 };
  expect(learningRateAt(step, schedule)).toBeCloseTo(0.01 * share, 12);
});
