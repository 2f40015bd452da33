import { setImmediate } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "./backends/backend.ts";
import { checkpointSteps } from "./checkpoint-steps.ts";
import { evaluate, type SplitResult } from "./evaluate.ts";
import { crossEntropy, type Loss, losses } from "./networks/losses.ts";
import { disposeNetwork, type Network, readWeights, type WeightValues, weightNorm } from "./networks/network.ts";
import { createNetwork } from "./networks/networks.ts";
import { oneHot } from "./networks/operations.ts";
import { createOptimizer, disposeOptimizer } from "./optimizers/optimizer.ts";
import { learningRateAt } from "./optimizers/schedule.ts";
import { defaults, type Settings } from "./settings.ts";
import { valueAt } from "./stepwise.ts";
import { writeSuite } from "./suite.ts";
import type { Split, SplitName, Task } from "./tasks/task.ts";
import { createTask } from "./tasks/tasks.ts";
import { trainingSet } from "./tasks/training-set.ts";

export { defaults, type Settings } from "./settings.ts";

export interface Checkpoint {
  /** Updates behind these weights. */
  readonly step: number;
  readonly learningRate: number;
  readonly weightNorm: number;
  /** `train` is what was trained on up to this step: where the training set changes, so does its total. */
  readonly splits: ReadonlyMap<SplitName, SplitResult>;
  readonly weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>;
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
  const task = withTrainedLabels(createTask(settings), settings);
  const network = createNetwork(settings, task);
  const optimizer = createOptimizer(network, settings);
  const loss = losses[settings.loss];
  const checkpointAt = checkpointSteps(settings);
  const examples = new TrainingExamples(network, createTask(settings), settings);
  try {
    await callbacks.onStart?.({ settings, task, suite: writeSuite(task) });
    for (let step = 0; ; step++) {
      const learningRate = learningRateAt(step, settings) * valueAt(settings.rateFactor, step);
      if (checkpointAt.has(step)) {
        const splits = new Map(task.splits).set("train", examples.split);
        const checkpoint = await takeCheckpoint(network, splits, step, learningRate);
        await callbacks.onCheckpoint?.(checkpoint);
        if (step === settings.steps) return checkpoint;
      }
      examples.moveTo(step);
      tf.tidy(() => {
        const gradients = gradientsOf(network, examples.inputs, examples.target, loss);
        const weightDecay = valueAt(settings.weightDecay, step);
        optimizer.update(gradients, { update: step + 1, learningRate, weightDecay });
      });
      await callbacks.onStep?.(step + 1);
      // A step holds the event loop for its whole length: between steps sockets and timers get their turn.
      await setImmediate();
    }
  } finally {
    examples.dispose();
    disposeOptimizer(optimizer);
    disposeNetwork(network);
  }
}

/** The suite's train split has the labels that training starts with, wrong ones too: it says what has been fitted. */
function withTrainedLabels(task: Task, settings: Settings): Task {
  return { ...task, splits: new Map(task.splits).set("train", trainingSetAt(0, task, settings)) };
}

const trainingSetAt = (step: number, task: Task, { trainUsed, corruption, splitSeed }: Settings): Split =>
  trainingSet(task, { used: valueAt(trainUsed, step), corruption: valueAt(corruption, step) }, splitSeed);

/** The training set of the present step, on the backend. */
class TrainingExamples {
  split: Split;
  inputs: readonly tf.Tensor2D[];
  target: tf.Tensor2D;
  readonly #network: Network;
  readonly #task: Task;
  readonly #settings: Settings;

  constructor(network: Network, task: Task, settings: Settings) {
    this.#network = network;
    this.#task = task;
    this.#settings = settings;
    this.split = trainingSetAt(0, task, settings);
    this.inputs = network.encode(this.split);
    this.target = oneHot(this.split.target, task.classes);
  }

  moveTo(step: number): void {
    const { trainUsed, corruption } = this.#settings;
    if (step === 0 || ![...trainUsed, ...corruption].some(([from]) => from === step)) return;
    this.dispose();
    this.split = trainingSetAt(step, this.#task, this.#settings);
    this.inputs = this.#network.encode(this.split);
    this.target = oneHot(this.split.target, this.#task.classes);
  }

  dispose(): void {
    tf.dispose([...this.inputs, this.target]);
  }
}

/** Of the loss, by weight name. Called inside tf.tidy. */
export function gradientsOf(
  network: Network,
  inputs: readonly tf.Tensor2D[],
  target: tf.Tensor2D,
  loss: Loss = crossEntropy,
): ReadonlyMap<string, tf.Tensor> {
  const { grads } = tf.variableGrads(() => loss(network.logits(inputs), target), [...network.weights.values()]);
  const gradients = new Map<string, tf.Tensor>();
  for (const [name, weight] of network.weights) {
    const gradient = grads[weight.name];
    if (gradient !== undefined) gradients.set(name, gradient);
  }
  return gradients;
}

async function takeCheckpoint(
  network: Network,
  splits: ReadonlyMap<SplitName, Split>,
  step: number,
  learningRate: number,
): Promise<Checkpoint> {
  const results = new Map<SplitName, SplitResult>();
  for (const [name, split] of splits) results.set(name, await evaluate(network, split));
  const values: WeightValues = await readWeights(network);
  const weights = new Map(
    [...values].map(([name, values]) => [name, { shape: network.weights.get(name)?.shape ?? [], values }]),
  );
  return { step, learningRate, weightNorm: weightNorm(values), splits: results, weights, onnx: network.toOnnx(values) };
}
