import type { Point } from "../../src/phases/judge.ts";

type Statistic = "norm" | "effectiveRank" | "alpha";

/** ln of the ratio of a statistic at two checkpoints, an entry for each layer that has it at both. */
export function logChanges(before: Point, now: Point, statistic: Statistic): number[] {
  return Object.entries(now.layers ?? {}).flatMap(([name, layer]) => {
    const [from, to] = [before.layers?.[name]?.[statistic] ?? 0, layer[statistic] ?? 0];
    return from > 0 && to > 0 ? Math.log(to / from) : [];
  });
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle - 0.5)] ?? Number.NaN) + (sorted[Math.ceil(middle - 0.5)] ?? Number.NaN)) / 2;
}
