import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { useBackend } from "../src/backends/backend.ts";
import { always } from "../src/stepwise.ts";
import { type Settings, train } from "../src/train.ts";
import type { TrainingState } from "../src/training-state.ts";

const small = { modulus: 7, cornerSide: 2, mirrorPairs: 4, embedding: 8, hidden: 12, steps: 9, every: 4 };
const numbersAt = { bits: 9, parityExamples: 40 };

test.each<{ name: string; settings: Partial<Settings> }>([
  { name: "as it comes", settings: {} },
  { name: "Adam", settings: { optimizer: "adam" } },
  { name: "SGD in batches, after a warm-up", settings: { optimizer: "sgd", batch: 5, warmUp: 3 } },
  { name: "Muon, two layers", settings: { optimizer: "muon", layers: 2 } },
  { name: "Grokfast EMA", settings: { gradientFilter: "grokfast-ema" } },
  { name: "Grokfast MA", settings: { gradientFilter: "grokfast-ma", grokfastWindow: 3 } },
  { name: "the orthogonal gradient of StableMax", settings: { gradientFilter: "orthogonal", loss: "stablemax" } },
  { name: "the quadratic network", settings: { network: "quadratic", loss: "squared-error" } },
  { name: "numbers as inputs", settings: { task: "parity", ...numbersAt } },
  { name: "a transformer", settings: { network: "transformer" } },
  { name: "LayerNorm in two blocks", settings: { network: "transformer", layers: 2, layerNorm: "post" } },
  { name: "hints, a leak and wrong labels", settings: { hint: "wrong", leak: 0.5, corruption: always(0.25) } },
  { name: "a training set that changes", settings: { trainUsed: [...always(1), [3, 0.5]], batch: 5 } },
])("no tensor is left behind, from the start and from a state: $name", async ({ settings }) => {
  await useBackend("wasm");
  const before = tf.memory().numTensors;
  const states: TrainingState[] = [];
  const run = async (from: TrainingState | null) => {
    const counts = new Set<number>();
    const count = () => void counts.add(tf.memory().numTensors);
    await train(
      { ...small, ...settings },
      {
        onStart: count,
        onStep: count,
        wantsCheckpoint: (step) => step === 6,
        async onCheckpoint({ state }) {
          states.push(await state());
          count();
        },
      },
      from,
    );
    expect([...counts]).toHaveLength(1);
    expect(tf.memory().numTensors).toBe(before);
  };
  await run(null);
  expect(states.map(({ step }) => step)).toEqual([0, 4, 6, 8, 9]);
  for (const state of states.slice(1, 3)) await run(state);
});

test.each<{ name: string; settings: Partial<Settings>; from?: TrainingState }>([
  { name: "a width that heads cannot share", settings: { network: "transformer", heads: 3 } },
  { name: "a training set that is not there", settings: { corruption: always(3) } },
  { name: "Muon without a matrix", settings: { network: "quadratic", optimizer: "muon" } },
  {
    name: "a state of another network",
    settings: {},
    from: { step: 2, values: new Map([["x", new Float32Array(1)]]) },
  },
])("nor by a run that is refused: $name", async ({ settings, from = null }) => {
  await useBackend("wasm");
  const before = tf.memory().numTensors;
  await expect(train({ ...small, ...settings }, {}, from)).rejects.toThrow();
  expect(tf.memory().numTensors).toBe(before);
});

test.each(["onStart", "onStep", "onCheckpoint", "wantsCheckpoint"] as const)(
  "nor by one that %s ends with an error",
  async (callback) => {
    await useBackend("wasm");
    const before = tf.memory().numTensors;
    const fail = () => {
      throw new Error("enough");
    };
    await expect(train(small, { [callback]: fail })).rejects.toThrow("enough");
    expect(tf.memory().numTensors).toBe(before);
  },
);
