/** The names that a suite accepts: what is fitted, what is held out alike, and probes with their own kind of shift. */
export type SplitName = "train" | "validation" | `ood:${string}`;

/** Examples in columns: per input of the model `width` numbers an example, row by row, and the class to be predicted. */
export interface Split {
  readonly inputs: Readonly<Record<string, Int32Array>>;
  readonly target: Int32Array;
}

/** One of `size` symbols, or `width` whole numbers, which networks read as so many times `unit`. */
export type InputKind =
  | { readonly kind: "symbol"; readonly size: number }
  | { readonly kind: "numbers"; readonly width: number; readonly unit: number };

export interface Task {
  readonly name: string;
  readonly inputs: ReadonlyMap<string, InputKind>;
  /** How many classes the logits have. */
  readonly classes: number;
  readonly splits: ReadonlyMap<SplitName, Split>;
}

export const widthOf = (input: InputKind): number => (input.kind === "symbol" ? 1 : input.width);

export function splitOf(task: Task, name: SplitName): Split {
  const split = task.splits.get(name);
  if (split === undefined) throw new Error(`task ${task.name} has no split ${name}`);
  return split;
}

export function columnOf(split: Split, input: string): Int32Array {
  const column = split.inputs[input];
  if (column === undefined) throw new Error(`the split has no input ${input}`);
  return column;
}

/** What is there; a typed array would make a silent 0 of what is not. */
export function there<Value>(value: Value | null | undefined): Value {
  if (value === undefined || value === null) throw new Error("the split ends before that example");
  return value;
}

/** These examples of a split, in this order; every input holds as many numbers an example as the task says. */
export function pickExamples(task: Task, split: Split, examples: readonly number[]): Split {
  const pick = (values: Int32Array, width: number) =>
    Int32Array.from({ length: examples.length * width }, (_, i) =>
      there(values[there(examples[Math.floor(i / width)]) * width + (i % width)]),
    );
  const inputs = [...task.inputs].map(([name, kind]) => [name, pick(columnOf(split, name), widthOf(kind))]);
  return { inputs: Object.fromEntries(inputs), target: pick(split.target, 1) };
}
