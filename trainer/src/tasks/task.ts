/** The names that a suite accepts: what is fitted, what is held out alike, and probes with their own kind of shift. */
export type SplitName = "train" | "validation" | `ood:${string}`;

/** Examples in columns: one per input of the model, and the class to be predicted. */
export interface Split {
  readonly inputs: Readonly<Record<string, Int32Array>>;
  readonly target: Int32Array;
}

export interface Task {
  readonly name: string;
  /** How many classes the logits have. */
  readonly classes: number;
  readonly splits: ReadonlyMap<SplitName, Split>;
}

export function splitOf(task: Task, name: SplitName): Split {
  const split = task.splits.get(name);
  if (split === undefined) throw new Error(`task ${task.name} has no split ${name}`);
  return split;
}
