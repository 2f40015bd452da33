import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { useBackend } from "../src/backends/backend.ts";
import { createNetwork } from "../src/networks/networks.ts";
import { orthogonalize } from "../src/optimizers/muon.ts";
import {
  createOptimizer,
  type Optimizer,
  type OptimizerSettings,
  optimizerNames,
} from "../src/optimizers/optimizer.ts";
import { checkSchedule, learningRateAt, type ScheduleSettings } from "../src/optimizers/schedule.ts";
import { createRandom } from "../src/random.ts";
import { defaults, type Settings } from "../src/settings.ts";
import { singularValues } from "../src/spectra.ts";
import { createTask } from "../src/tasks/tasks.ts";

beforeAll(() => useBackend("cpu"));

/** As a run makes it, of these weights alone. Adam's settings are .9, .98 and 1e-8, as the papers have them. */
function optimizerOf(
  settings: Partial<OptimizerSettings>,
  weights: Record<string, tf.Variable>,
  hiddenMatrices: string[] = [],
): Optimizer {
  const network = { weights: new Map(Object.entries(weights)), hiddenMatrices: new Set(hiddenMatrices) };
  return createOptimizer(network, { ...defaults, ...settings });
}

/** Makes one update after another of a vector `w`, and says where each leaves it. */
function updates(
  settings: Partial<OptimizerSettings>,
  start: number[],
  gradients: number[][],
  rates: { learningRate: number; weightDecay: number },
): number[][] {
  const weight = tf.variable(tf.tensor1d(start));
  const optimizer = optimizerOf(settings, { w: weight });
  return gradients.map((gradient, i) => {
    optimizer.update(new Map([["w", tf.tensor1d(gradient)]]), { update: i + 1, ...rates });
    return [...weight.dataSync()];
  });
}

function expectClose(got: readonly (readonly number[])[], wanted: readonly (readonly number[])[]): void {
  expect(got.map((row) => row.length)).toEqual(wanted.map((row) => row.length));
  wanted.forEach((row, i) => {
    row.forEach((value, j) => {
      expect(got[i]?.[j], `update ${i + 1}, weight ${j}`).toBeCloseTo(value, 6);
    });
  });
}

describe("the updates worked out by hand are made by", () => {
  test("AdamW", () => {
    // First: decay to 0.99 and -1.98. Both bias-corrected moments are g and g^2, so each moves by 0.01 against the
    // sign of its gradient, however large that is.
    // Second, with gradients [1, 0]:
    //   m = .9 * .05 + .1 * 1 = .145            over 1 - .9^2  = .19    -> .7631579
    //   v = .98 * .005 + .02 * 1 = .0249        over 1 - .98^2 = .0396  -> .6287879, root .7929615
    //   w = .98 * .99 - .01 * .7631579 / .7929615 = .9605758
    //   m = .9 * -.4 = -.36 -> -1.8947368       v = .98 * .32 = .3136 -> 7.9191919, root 2.8141059
    //   w = -1.97 * .99 + .01 * 1.8947368 / 2.8141059 = -1.9435670
    const rates = { learningRate: 0.01, weightDecay: 1 };
    const gradients = [
      [0.5, -4],
      [1, 0],
    ];
    const wanted = [
      [0.98, -1.97],
      [0.9605758, -1.943567],
    ];
    expectClose(updates({ optimizer: "adamw" }, [1, -2], gradients, rates), wanted);
  });

  test("Adam, whose decay goes through the moments", () => {
    // The penalty's gradient is .5 * w.
    // First: g = .5 + .5 * 1 = 1 and -1.5 + .5 * 2 = -.5; the step is .01 against the sign.
    // Second, no gradient but the penalty's: g = .5 * .99 = .495 and .5 * 2.01 = 1.005.
    //   m = .09 + .0495 = .1395 -> .7342105     v = .0196 + .02 * .245025 = .0245005 -> .6186995, root .7865746
    //   w = .99 - .01 * .7342105 / .7865746 = .9806657
    //   m = -.045 + .1005 = .0555 -> .2921053   v = .0049 + .02 * 1.010025 = .0251005 -> .6338510, root .7961476
    //   w = 2.01 - .01 * .2921053 / .7961476 = 2.0063310
    const rates = { learningRate: 0.01, weightDecay: 0.5 };
    const gradients = [
      [0.5, -1.5],
      [0, 0],
    ];
    const wanted = [
      [0.99, 2.01],
      [0.9806657, 2.006331],
    ];
    expectClose(updates({ optimizer: "adam" }, [1, 2], gradients, rates), wanted);
  });

  test("SGD with momentum", () => {
    // First: v = .5 + .1 * 1 = .6, w = 1 - .1 * .6 = .94. Second: v = .9 * .6 - 1 + .094 = -.366, w = .94 + .0366.
    const rates = { learningRate: 0.1, weightDecay: 0.1 };
    expectClose(updates({ optimizer: "sgd", momentum: 0.9 }, [1], [[0.5], [-1]], rates), [[0.94], [0.9766]]);
  });

  test("Muon", () => {
    // The gradient has rank one: u s v' with u = [.6, .8], v = [1, 0, 0]. Divided by its norm its singular value is 1,
    // and five times x -> 3.4445 x - 4.775 x^3 + 2.0315 x^5 makes the value of it (the scale of the momentum drops
    // out). The matrix is [2 inputs, 3 outputs], so the step is rate * factor * sqrt(3 / 2).
    let value = 1;
    for (let i = 0; i < 5; i++) value = 3.4445 * value - 4.775 * value ** 3 + 2.0315 * value ** 5;
    const weight = tf.variable(tf.fill<tf.Rank.R2>([2, 3], 1));
    const bias = tf.variable(tf.tensor1d([1]));
    const gradients = new Map<string, tf.Tensor>([
      [
        "hidden.weight",
        tf.tensor2d([
          [0.6, 0, 0],
          [0.8, 0, 0],
        ]),
      ],
      ["bias", tf.tensor1d([7])],
    ]);
    const settings = { optimizer: "muon", muonFactor: 2 } as const;
    const optimizer = optimizerOf(settings, { "hidden.weight": weight, bias }, ["hidden.weight"]);
    optimizer.update(gradients, { update: 1, learningRate: 0.05, weightDecay: 0.5 });
    const step = 0.1 * Math.sqrt(1.5) * value;
    const wanted = [0.95 - 0.6 * step, 0.95, 0.95, 0.95 - 0.8 * step, 0.95, 0.95];
    [...weight.dataSync()].forEach((got, i) => {
      expect(got).toBeCloseTo(wanted[i] ?? Number.NaN, 5);
    });
    // What is no hidden matrix is AdamW's.
    expect(bias.dataSync()[0]).toBeCloseTo(1 - 0.05 * 0.5 - 0.05, 6);
  });
});

test("Muon's second update looks ahead along a momentum that remembers the first", () => {
  // Gradients e11, then e22, are matrices of rank one that have nothing in common: each singular value goes its way.
  //   momentum = .95 * .05 e11 + .05 e22 = .0475 e11 + .05 e22
  //   ahead    = .05 e22 + .95 momentum  = .045125 e11 + .0975 e22
  // Divided by its norm, and five times through the quintic, for the square matrix without a factor for its shape.
  const quintic = (x: number) => 3.4445 * x - 4.775 * x ** 3 + 2.0315 * x ** 5;
  const fiveTimes = (x: number) => Array.from({ length: 5 }).reduce((value: number) => quintic(value), x);
  const [first, second] = [0.045125, 0.0975].map((value) => fiveTimes(value / Math.hypot(0.045125, 0.0975)));
  const weight = tf.variable(tf.zeros<tf.Rank.R2>([2, 2]));
  const settings = { optimizer: "muon", muonFactor: 1 } as const;
  const optimizer = optimizerOf(settings, { "hidden.weight": weight }, ["hidden.weight"]);
  const update = (update: number, gradient: number[]) => {
    const gradients = new Map([["hidden.weight", tf.tensor2d(gradient, [2, 2])]]);
    optimizer.update(gradients, { update, learningRate: 0.1, weightDecay: 0 });
    return [...weight.dataSync()];
  };
  const [before = 0] = update(1, [1, 0, 0, 0]);
  expect(before).toBeCloseTo(-0.1 * fiveTimes(1), 5);
  expectClose([update(2, [0, 0, 0, 1])], [[before - 0.1 * (first ?? 0), 0, 0, -0.1 * (second ?? 0)]]);
});

describe("Muon's orthogonalization", () => {
  test.each([
    [24, 40],
    [40, 24],
  ])("brings the singular values of a %i x %i matrix near 1 and keeps its directions", (rows, columns) => {
    const random = createRandom(3, "matrix");
    const matrix = tf.tensor2d(
      Float32Array.from({ length: rows * columns }, () => random.normal()),
      [rows, columns],
    );
    const result = orthogonalize(matrix);
    for (const value of singularValues(rows, columns, result.dataSync<"float32">())) {
      expect(value).toBeGreaterThan(0.65);
      expect(value).toBeLessThan(1.25);
    }
    // Where result = U S V' and matrix = U T V', the product of one with the other's transpose is U S T U': symmetric.
    const product = tf.matMul(result, matrix, false, true);
    const asymmetry = tf.norm(tf.sub(product, tf.transpose(product))).dataSync()[0] ?? Number.NaN;
    expect(asymmetry / (tf.norm(product).dataSync()[0] ?? 0)).toBeLessThan(1e-5);
  });
});

test("Adam's epsilon is added to the corrected root, as the papers have it", () => {
  // g = 2: both corrected moments are 2 and 4, so the step is .01 * 2 / (2 + .5).
  const rates = { learningRate: 0.01, weightDecay: 0 };
  for (const optimizer of ["adamw", "adam"] as const) {
    expectClose(updates({ optimizer, epsilon: 0.5 }, [1], [[2]], rates), [[1 - 0.008]]);
  }
});

test.each<{ network: string; settings: Partial<Settings>; matrices: string[] }>([
  { network: "an MLP", settings: { layers: 3 }, matrices: ["hidden.weight", "hidden.2.weight", "hidden.3.weight"] },
  {
    network: "a transformer with LayerNorm",
    settings: { network: "transformer", layers: 2, layerNorm: "post" },
    matrices: ["", "layer2."].flatMap((layer) =>
      [
        "attention.key",
        "attention.query",
        "attention.value",
        "attention.output",
        "mlp.in.weight",
        "mlp.out.weight",
      ].map((name) => layer + name),
    ),
  },
])("Muon's matrices in $network are those between embeddings and output", ({ settings, matrices }) => {
  const small = { ...defaults, modulus: 7, cornerSide: 2, mirrorPairs: 4, embedding: 8, hidden: 12, ...settings };
  expect([...createNetwork(small, createTask(small)).hiddenMatrices]).toEqual(matrices);
});

test("AdamW decays weights that have no gradient at all", () => {
  const rates = { learningRate: 0.25, weightDecay: 1 };
  expectClose(updates({ optimizer: "adamw" }, [8], [[0]], rates), [[6]]);
});

test.each(optimizerNames)("%s refuses gradients that miss a weight", (optimizer) => {
  const made = optimizerOf({ optimizer }, { w: tf.variable(tf.ones([2, 2])) }, ["w"]);
  const rates = { update: 1, learningRate: 0.1, weightDecay: 0 };
  expect(() => made.update(new Map(), rates)).toThrow("no gradient for w");
});

const schedule: ScheduleSettings = {
  learningRate: 0.01,
  warmUp: 0,
  decayShape: "linear",
  decayFrom: 600,
  decayTo: 1200,
  decayFloor: 0.02,
};

test.each<{ step: number; share: number; with?: Partial<ScheduleSettings> }>([
  { step: 0, share: 1 },
  { step: 600, share: 1 },
  { step: 900, share: 0.51 },
  { step: 1200, share: 0.02 },
  { step: 1500, share: 0.02 },
  { step: 0, share: 0.1, with: { warmUp: 10 } },
  { step: 4, share: 0.5, with: { warmUp: 10 } },
  { step: 9, share: 1, with: { warmUp: 10 } },
  { step: 50, share: 1, with: { warmUp: 10 } },
  // A quarter of the way the cosine has fallen by (1 - cos(45 degrees)) / 2 = .1464466 of it.
  { step: 750, share: 1 - 0.98 * 0.146446609, with: { decayShape: "cosine" } },
  { step: 900, share: 0.51, with: { decayShape: "cosine" } },
  { step: 1200, share: 0.02, with: { decayShape: "cosine" } },
  { step: 600, share: 1, with: { decayTo: 600, decayFloor: 1 } },
])("the learning rate at step $step is $share of itself, with $with", ({ step, share, with: changes }) => {
  expect(learningRateAt(step, { ...schedule, ...changes })).toBeCloseTo(0.01 * share, 10);
});

test.each([
  { decayFrom: 600, decayTo: 600 },
  { decayFrom: 2000, decayTo: 1200 },
])("a rate that would fall between $decayFrom and $decayTo is refused, unless it does not fall", (ends) => {
  expect(() => checkSchedule({ ...schedule, ...ends })).toThrow(
    `--decay-from must be below --decay-to, got ${ends.decayFrom} and ${ends.decayTo}`,
  );
  expect(() => checkSchedule({ ...schedule, ...ends, decayFloor: 1 })).not.toThrow();
});
