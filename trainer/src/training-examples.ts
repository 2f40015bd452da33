import * as tf from "@tensorflow/tfjs-core";
import type { Network } from "./networks/network.ts";
import { oneHot } from "./networks/operations.ts";
import type { Settings } from "./settings.ts";
import { valueAt } from "./stepwise.ts";
import type { Split, Task } from "./tasks/task.ts";
import { trainingSet } from "./tasks/training-set.ts";

/** What is trained on from this step on. */
export const trainingSetAt = (step: number, task: Task, { trainUsed, corruption, splitSeed }: Settings): Split =>
  trainingSet(task, { used: valueAt(trainUsed, step), corruption: valueAt(corruption, step) }, splitSeed);

/** The training set of the present step, on the backend. */
export class TrainingExamples {
  readonly #network: Network;
  readonly #task: Task;
  readonly #settings: Settings;
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

  get inputs(): readonly tf.Tensor2D[] {
    return this.#held.inputs;
  }

  /** One-hot. */
  get target(): tf.Tensor2D {
    return this.#held.target;
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

  #encode(step: number) {
    const split = trainingSetAt(step, this.#task, this.#settings);
    return { split, inputs: this.#network.encode(split), target: oneHot(split.target, this.#task.classes) };
  }
}
