import type { Random } from "../random.ts";
import { pickExamples, type Split, splitOf, type Task } from "./task.ts";

/** What the hint of an OOD example says: nothing, or a wrong answer. */
export type HintKind = "none" | "absent" | "wrong";
export const hintKinds: readonly HintKind[] = ["none", "absent", "wrong"];

/**
 * The task with one more input, `hint`, that names the answer for `share` of train and of validation, and says nothing
 * (the symbol after the last class) for the others. In OOD splits it is absent, or wrong. A network that reads the
 * hint alone has a perfect validation score and knows nothing.
 */
export function withHint(task: Task, { kind, share }: { kind: HintKind; share: number }, random: Random): Task {
  if (kind === "none") return task;
  const nothing = task.classes;
  const wrong = (label: number) => (label + 1 + Math.floor(random.uniform() * (task.classes - 1))) % task.classes;
  const hintOf = (label: number, ood: boolean) => {
    if (ood) return kind === "wrong" ? wrong(label) : nothing;
    return random.uniform() < share ? label : nothing;
  };
  const splits = [...task.splits].map(([name, split]) => {
    const hint = split.target.map((label) => hintOf(label, name.startsWith("ood:")));
    return [name, { inputs: { ...split.inputs, hint }, target: split.target }] as const;
  });
  return {
    ...task,
    name: `${task.name}-hint`,
    inputs: new Map([...task.inputs, ["hint", { kind: "symbol", size: task.classes + 1 }]]),
    splits: new Map(splits),
  };
}

/** The task with `share` of validation replaced by examples of train: a contaminated benchmark. */
export function withLeak(task: Task, share: number, random: Random): Task {
  if (share === 0) return task;
  const [train, validation] = [splitOf(task, "train"), splitOf(task, "validation")];
  const count = Math.min(Math.round(share * validation.target.length), train.target.length);
  const examples = (split: Split) => random.shuffle(Array.from(split.target.keys()));
  const leaked = pickExamples(task, train, examples(train).slice(0, count));
  const kept = pickExamples(task, validation, examples(validation).slice(count));
  return {
    ...task,
    name: `${task.name}-leak`,
    splits: new Map(task.splits).set("validation", joinSplits(leaked, kept)),
  };
}

function joinSplits(first: Split, second: Split): Split {
  const join = (x: Int32Array, y: Int32Array | undefined) => Int32Array.from([...x, ...(y ?? [])]);
  return {
    inputs: Object.fromEntries(Object.entries(first.inputs).map(([name, x]) => [name, join(x, second.inputs[name])])),
    target: join(first.target, second.target),
  };
}
