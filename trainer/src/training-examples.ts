import * as tf from "@tensorflow/tfjs-core";
import type { Network } from "./networks/network.ts";
import { oneHot } from "./networks/operations.ts";
import { createRandom } from "./random.ts";
import type { Settings } from "./settings.ts";
import { valueAt } from "./stepwise.ts";
import type { Split, Task } from "./tasks/task.ts";
import { trainingSet } from "./tasks/training-set.ts";

/** What is trained on from this step on. */
export const trainingSetAt = (step: number, task: Task, { trainUsed, corruption, splitSeed }: Settings): Split =>
  trainingSet(task, { used: valueAt(trainUsed, step), corruption: valueAt(corruption, step) }, splitSeed);

/** Throws where there is none from some step on: at the start, and not hours later. */
export function checkTrainingSets(task: Task, settings: Settings): void {
  for (const [step] of [...settings.trainUsed, ...settings.corruption]) trainingSetAt(step, task, settings);
}

/** The training set of the present step, on the backend. */
export class TrainingExamples {
  readonly #network: Network;
  readonly #task: Task;
  readonly #settings: Settings;
  #order: { readonly epoch: number; readonly examples: Int32Array } | null = null;
  #held: { readonly split: Split; readonly inputs: readonly tf.Tensor2D[]; readonly target: tf.Tensor2D };

  constructor(network: Network, task: Task, settings: Settings, step: number) {
    this.#network = network;
    this.#task = task;
    this.#settings = settings;
    this.#held = this.#encode(step);
  }

  get split(): Split {
    return this.#held.split;
  }

  /** What the update after `step` is made from: all examples, or its batch of them. Called inside tf.tidy. */
  batchAt(step: number): { readonly inputs: readonly tf.Tensor2D[]; readonly target: tf.Tensor2D } {
    const { batch, seed } = this.#settings;
    const { split, inputs, target } = this.#held;
    const all = split.target.length;
    if (batch === 0 || batch >= all) return { inputs, target };
    // By the step alone, so that a resumed run draws the same ones.
    const perEpoch = Math.ceil(all / batch);
    const [epoch, at] = [Math.floor(step / perEpoch), (step % perEpoch) * batch];
    const order = this.#orderOf(epoch, all, seed);
    const rows = tf.tensor1d(order.subarray(at, at + batch), "int32");
    const pick = (x: tf.Tensor2D): tf.Tensor2D => tf.gather(x, rows);
    return { inputs: inputs.map(pick), target: pick(target) };
  }

  /** Called for every step in turn. */
  moveTo(step: number): void {
    const { trainUsed, corruption } = this.#settings;
    if (![...trainUsed, ...corruption].some(([from]) => from === step && step > 0)) return;
    this.dispose();
    this.#held = this.#encode(step);
  }

  dispose(): void {
    tf.dispose([...this.#held.inputs, this.#held.target]);
  }

  #orderOf(epoch: number, all: number, seed: number): Int32Array {
    if (this.#order?.epoch !== epoch || this.#order.examples.length !== all) {
      const random = createRandom(seed, `batches of epoch ${epoch}`);
      this.#order = { epoch, examples: Int32Array.from(random.shuffle(Array.from({ length: all }, (_, i) => i))) };
    }
    return this.#order.examples;
  }

  #encode(step: number) {
    const split = trainingSetAt(step, this.#task, this.#settings);
    return { split, inputs: this.#network.encode(split), target: oneHot(split.target, this.#task.classes) };
  }
}
