import { setImmediate } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "./backends/backend.ts";
import { taskOf } from "./check-settings.ts";
import { checkpointSteps } from "./checkpoint-steps.ts";
import { evaluate, type SplitResult } from "./evaluate.ts";
import { crossEntropy, type LossGradient, losses, startBack } from "./networks/losses.ts";
import { disposeNetwork, type Network, readWeights, type WeightValues, weightNorm } from "./networks/network.ts";
import { createNetwork } from "./networks/networks.ts";
import { createGradientFilter, disposeGradientFilter } from "./optimizers/gradient-filters.ts";
import { createOptimizer, disposeOptimizer } from "./optimizers/optimizer.ts";
import { learningRateAt } from "./optimizers/schedule.ts";
import { defaults, type Settings } from "./settings.ts";
import { valueAt } from "./stepwise.ts";
import { writeSuite } from "./suite.ts";
import type { Split, SplitName, Task } from "./tasks/task.ts";
import { TrainingExamples, trainingSetAt } from "./training-examples.ts";
import { readState, restoreState, type TrainingState } from "./training-state.ts";

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
  /** All that training goes on from; to be called before the callback returns. */
  state(): Promise<TrainingState>;
}

/** Training waits for what these return, so that a caller can hold it back. */
export interface TrainCallbacks {
  onStart?(start: { settings: Settings; task: Task; suite: Uint8Array<ArrayBuffer> }): void | Promise<void>;
  onStep?(step: number): void | Promise<void>;
  onCheckpoint?(checkpoint: Checkpoint): void | Promise<void>;
  /** Asked before every update: whether a checkpoint is wanted here beside the planned ones. */
  wantsCheckpoint?(step: number): boolean;
  /** Asked before every update and after every checkpoint: whether this is enough. The run ends with a checkpoint. */
  isEnough?(): boolean;
}

/**
 * Trains, and resolves with the last checkpoint. One seed on one backend gives the same bytes every time, whether it
 * starts at the beginning or goes on `from` a state; then the first checkpoint is that of its step once more.
 */
export async function train(
  options: Partial<Settings>,
  callbacks: TrainCallbacks = {},
  from: TrainingState | null = null,
): Promise<Checkpoint> {
  const settings: Settings = { ...defaults, ...options };
  const task = taskOf(settings);
  await useBackend(settings.backend);
  const loss = losses[settings.loss];
  const checkpointAt = checkpointSteps(settings);
  const start = from?.step ?? 0;
  const held: (() => void)[] = [];
  const hold = <Part>(part: Part, dispose: (part: Part) => void): Part => {
    held.push(() => dispose(part));
    return part;
  };
  try {
    const network = hold(createNetwork(settings, task), disposeNetwork);
    const optimizer = hold(createOptimizer(network, settings), disposeOptimizer);
    const filter = hold(createGradientFilter(network.weights, settings), disposeGradientFilter);
    const variables = new Map([...network.weights, ...optimizer.state, ...filter.state]);
    const examples = new TrainingExamples(network, task, settings, Math.max(0, start - 1));
    held.push(() => examples.dispose());
    if (from !== null) restoreState(variables, from);
    const shown = withTrainedLabels(task, settings);
    await callbacks.onStart?.({ settings, task: shown, suite: writeSuite(shown) });
    for (let step = start; ; step++) {
      const learningRate = learningRateAt(step, settings) * valueAt(settings.rateFactor, step);
      const ends = step >= settings.steps || callbacks.isEnough?.() === true;
      if (ends || step === start || checkpointAt.has(step) || callbacks.wantsCheckpoint?.(step) === true) {
        const splits = new Map(task.splits).set("train", examples.split);
        const measured = await takeCheckpoint(network, splits, step, learningRate);
        const checkpoint = { ...measured, state: () => readState(variables, step) };
        await callbacks.onCheckpoint?.(checkpoint);
        if (ends || callbacks.isEnough?.() === true) return checkpoint;
      }
      examples.moveTo(step);
      tf.tidy(() => {
        const { inputs, target } = examples.batchAt(step);
        const gradients = filter.apply(gradientsOf(network, inputs, target, loss), step + 1);
        const weightDecay = valueAt(settings.weightDecay, step);
        optimizer.update(gradients, { update: step + 1, learningRate, weightDecay });
      });
      await callbacks.onStep?.(step + 1);
      // A step holds the event loop for its whole length: between steps sockets and timers get their turn.
      await setImmediate();
    }
  } finally {
    for (const dispose of held) dispose();
  }
}

/** The suite's train split has the labels that training starts with, wrong ones too: it says what has been fitted. */
function withTrainedLabels(task: Task, settings: Settings): Task {
  return { ...task, splits: new Map(task.splits).set("train", trainingSetAt(0, task, settings)) };
}

/** Of the loss, by weight name. Called inside tf.tidy. */
export function gradientsOf(
  network: Network,
  inputs: readonly tf.Tensor2D[],
  target: tf.Tensor2D,
  loss: LossGradient = crossEntropy,
): ReadonlyMap<string, tf.Tensor> {
  const { grads } = tf.variableGrads(
    () => startBack(network.logits(inputs), target, loss),
    [...network.weights.values()],
  );
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
): Promise<Omit<Checkpoint, "state">> {
  const results = new Map<SplitName, SplitResult>();
  for (const [name, split] of splits) results.set(name, await evaluate(network, split));
  const values: WeightValues = await readWeights(network);
  const weights = new Map(
    [...values].map(([name, values]) => [name, { shape: network.weights.get(name)?.shape ?? [], values }]),
  );
  return { step, learningRate, weightNorm: weightNorm(values), splits: results, weights, onnx: network.toOnnx(values) };
}
