import type { SplitName, Task } from "./task.ts";

/** By split: the accuracy of always answering with its commonest class. */
export function chanceOf(task: Task): Record<SplitName, number> {
  const rates: Record<SplitName, number> = { train: 0, validation: 0 };
  for (const [name, { target }] of task.splits) {
    const counts = new Map<number, number>();
    for (const label of target) counts.set(label, (counts.get(label) ?? 0) + 1);
    rates[name] = Math.max(...counts.values()) / target.length;
  }
  return rates;
}
