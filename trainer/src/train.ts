import { setImmediate } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs-core";
import { type BackendName, useBackend } from "./backends/backend.ts";
import { evaluate, type SplitResult } from "./evaluate.ts";
import { embeddingMlp } from "./networks/embedding-mlp.ts";
import { disposeNetwork, type Network, readWeights, weightNorm } from "./networks/network.ts";
import { crossEntropy, oneHot } from "./networks/operations.ts";
import { AdamW } from "./optimizers/adamw.ts";
import { learningRateAt } from "./optimizers/schedule.ts";
import { createRandom } from "./random.ts";
import { writeSuite } from "./suite.ts";
import { modularAddition } from "./tasks/modular-addition.ts";
import { type SplitName, splitOf, type Task } from "./tasks/task.ts";

// Every knob of a training run. With these the network fits its half of the table by step 25, stays at chance
// elsewhere until about 350 and knows the rest of the table by about 750.
export const defaults = {
  seed: 0, // initial weights
  splitSeed: 0, // which pairs are in which split: models of one suite differ by `seed` alone
  steps: 1500,
  every: 25, // steps between checkpoints
  backend: "wasm" as BackendName,
  // task: (a + b) mod 47
  modulus: 47,
  trainShare: 0.5,
  cornerSide: 7,
  mirrorPairs: 160,
  // network
  embedding: 64,
  hidden: 256,
  // optimizer: full-batch AdamW
  learningRate: 1e-2,
  decayFrom: 600, // the learning rate falls linearly from here
  decayTo: 1200, // to here
  decayFloor: 0.02, // to this share of itself
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
  weightDecay: 1,
};

export type Settings = Readonly<typeof defaults>;

export interface Checkpoint {
  /** Updates behind these weights. */
  readonly step: number;
  readonly learningRate: number;
  readonly weightNorm: number;
  readonly splits: ReadonlyMap<SplitName, SplitResult>;
  readonly onnx: Uint8Array<ArrayBuffer>;
}

/** Training waits for what these return, so that a caller can hold it back. */
export interface TrainCallbacks {
  onStart?(start: { settings: Settings; task: Task; suite: Uint8Array<ArrayBuffer> }): void | Promise<void>;
  onStep?(step: number): void | Promise<void>;
  onCheckpoint?(checkpoint: Checkpoint): void | Promise<void>;
}

/** Trains, and resolves with the last checkpoint. One seed on one backend gives the same bytes every time. */
export async function train(options: Partial<Settings>, callbacks: TrainCallbacks = {}): Promise<Checkpoint> {
  const settings: Settings = { ...defaults, ...options };
  await useBackend(settings.backend);
  const task = modularAddition(settings, createRandom(settings.splitSeed, "splits"));
  const network = embeddingMlp(settings, task, createRandom(settings.seed, "weights"));
  const optimizer = new AdamW(network.weights, settings);
  const trainSplit = splitOf(task, "train");
  const inputs = network.encode(trainSplit);
  const target = oneHot(trainSplit.target, task.classes);
  try {
    await callbacks.onStart?.({ settings, task, suite: writeSuite(task) });
    for (let step = 0; ; step++) {
      const learningRate = learningRateAt(step, settings);
      const last = step === settings.steps;
      if (last || step % settings.every === 0) {
        const checkpoint = await takeCheckpoint(network, task, step, learningRate);
        await callbacks.onCheckpoint?.(checkpoint);
        if (last) return checkpoint;
      }
      tf.tidy(() => {
        const gradients = gradientsOf(network, inputs, target);
        optimizer.update(gradients, learningRate);
      });
      await callbacks.onStep?.(step + 1);
      // A step holds the event loop for its whole length: between steps sockets and timers get their turn.
      await setImmediate();
    }
  } finally {
    tf.dispose([...inputs, target]);
    optimizer.dispose();
    disposeNetwork(network);
  }
}

/** Of the mean loss, by weight name. Called inside tf.tidy. */
export function gradientsOf(
  network: Network,
  inputs: readonly tf.Tensor2D[],
  target: tf.Tensor2D,
): ReadonlyMap<string, tf.Tensor> {
  const { grads } = tf.variableGrads(() => crossEntropy(network.logits(inputs), target), [...network.weights.values()]);
  const gradients = new Map<string, tf.Tensor>();
  for (const [name, weight] of network.weights) {
    const gradient = grads[weight.name];
    if (gradient !== undefined) gradients.set(name, gradient);
  }
  return gradients;
}

async function takeCheckpoint(network: Network, task: Task, step: number, learningRate: number): Promise<Checkpoint> {
  const splits = new Map<SplitName, SplitResult>();
  for (const [name, split] of task.splits) splits.set(name, await evaluate(network, split));
  const values = await readWeights(network);
  return { step, learningRate, weightNorm: weightNorm(values), splits, onnx: network.toOnnx(values) };
}
