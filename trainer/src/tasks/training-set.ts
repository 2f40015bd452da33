import { createRandom } from "../random.ts";
import { UsageError } from "../usage-error.ts";
import { pickExamples, type Split, splitOf, type Task, there } from "./task.ts";

export interface TrainingSetSettings {
  /** Share of the train split that is trained on. A smaller set is part of every larger one. */
  readonly used: number;
  /** Share of what is used whose labels are wrong; the same wrong label every time. */
  readonly corruption: number;
}

/** What is trained on at some step, labels as the network is told them. `splitSeed` decides which examples. */
export function trainingSet(task: Task, { used, corruption }: TrainingSetSettings, splitSeed: number): Split {
  const train = splitOf(task, "train");
  if (used === 1 && corruption === 0) return train;
  const all = train.target.length;
  const size = Math.floor(all * used);
  if (size < 1 || size > all || corruption < 0 || corruption > 1) {
    throw new UsageError(
      `cannot train on ${used} of ${all} examples (--train-used) with ${corruption} of their labels wrong (--corruption)`,
    );
  }
  // Each in a stream of its own: what is dropped does not depend on what is wrong.
  const order = createRandom(splitSeed, "training set").shuffle(Array.from(train.target.keys()));
  const random = createRandom(splitSeed, "wrong labels");
  const wrong = train.target.map(
    (label) => (label + 1 + Math.floor(random.uniform() * (task.classes - 1))) % task.classes,
  );
  const kept = order.slice(0, size);
  const corrupted = new Set(kept.slice(0, Math.round(size * corruption)));
  const split = pickExamples(task, train, kept);
  return {
    inputs: split.inputs,
    target: Int32Array.from(kept, (i) => there((corrupted.has(i) ? wrong : train.target)[i])),
  };
}
