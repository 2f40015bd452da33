import type { Point } from "../../src/phases/judge.ts";

/** What a stretch of checkpoints shares; accuracies in 0..1. Absent splits are not measured. */
interface Stretch {
  count: number;
  train?: number;
  validation?: number;
  ood?: Record<string, number>;
  /** Weight norm at the stretch's first and last checkpoint. */
  norm?: [number, number];
}

/** Points every `every` steps from 0, on `total` examples a split. */
export function trace(stretches: readonly Stretch[], { every = 10, total = 1000 } = {}): Point[] {
  const points: Point[] = [];
  for (const { count, train, validation, ood = {}, norm } of stretches) {
    for (let i = 0; i < count; i++) {
      const accuracies = {
        ...ood,
        ...(train !== undefined && { train }),
        ...(validation !== undefined && { validation }),
      };
      const splits = Object.fromEntries(
        Object.entries(accuracies).map(([split, accuracy]) => [
          split,
          { correct: Math.round(accuracy * total), total },
        ]),
      );
      const weightNorm = norm === undefined ? null : norm[0] + ((norm[1] - norm[0]) * i) / Math.max(1, count - 1);
      points.push({ step: points.length * every, splits, weightNorm });
    }
  }
  return points;
}

/** Train and one OOD split, as [checkpoints, train, ood]. */
export const pair = (...stretches: [number, number, number][]): Point[] =>
  trace(stretches.map(([count, train, ood]) => ({ count, train, ood: { "ood:shift": ood } })));

/** Chance 0 on every split these tests use, so that m is the accuracy. */
export const NO_CHANCE = { chance: { train: 0, validation: 0, "ood:shift": 0, "ood:other": 0 } };
