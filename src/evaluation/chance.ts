import { halfWidth, type Scoring } from "./metrics.ts";

/** A split's targets, row-major, as decoded. */
export interface Targets {
  values: readonly number[];
  /** In the targets' shape, 0 where one is not asked; null where all are. */
  mask: readonly number[] | null;
  /** Of the target tensor. */
  shape: readonly number[];
}

/** What a split asks, and what the best answer scores that does not look at the input. */
export interface Floor {
  /** Items that are asked. */
  total: number;
  /** Share of them that a constant answer gets right: every class, label set or number is tried that could be best. */
  chance: number;
  /** How often each class is asked, the commonest first; empty of a regression. */
  classes: [value: number, count: number][];
}

export function floorOf(scoring: Scoring, targets: Targets): Floor {
  switch (scoring.task) {
    case "classification":
      return ofClasses(asked(targets, scoring.ignoreIndex));
    case "binary":
      return ofClasses(asked(targets, null));
    case "multilabel":
      return ofLabels(targets);
    case "regression":
      return ofNumbers(targets, scoring);
  }
}

function asked({ values, mask }: Targets, ignored: number | null): number[] {
  return values.filter((value, n) => value !== ignored && mask?.[n] !== 0);
}

function ofClasses(values: readonly number[]): Floor {
  const classes = countsOf(values);
  return { total: values.length, chance: (classes[0]?.[1] ?? 0) / values.length, classes };
}

/** By value, the commonest first, the lower of equals first. */
function countsOf(values: readonly number[]): [number, number][] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

/** Two answers can be the best constant one: the commonest set of labels, and each label as it mostly is. */
function ofLabels({ values, mask, shape }: Targets): Floor {
  const width = shape.at(-1) ?? 1;
  const items = Array.from({ length: values.length / width }, (_, item) =>
    Array.from({ length: width }, (_, label) => {
      const index = item * width + label;
      return mask?.[index] === 0 ? null : (values[index] ?? 0);
    }),
  ).filter((labels) => labels.some((label) => label !== null));
  const mostly = Array.from({ length: width }, (_, label) => {
    const ones = items.reduce((sum, labels) => sum + (labels[label] ?? 0), 0);
    const known = items.filter((labels) => labels[label] !== null).length;
    return ones * 2 > known ? 1 : 0;
  });
  const sets = new Map<string, number>();
  for (const labels of items) sets.set(labels.join(), (sets.get(labels.join()) ?? 0) + 1);
  const commonest = Math.max(0, ...sets.values());
  const byLabel = items.filter((labels) => labels.every((label, n) => label === null || label === mostly[n])).length;
  const classes = Array.from({ length: width }, (_, label): [number, number] => [
    label,
    items.reduce((sum, labels) => sum + (labels[label] ?? 0), 0),
  ]);
  return {
    total: items.length,
    chance: Math.max(commonest, byLabel) / items.length,
    classes: classes.sort((a, b) => b[1] - a[1] || a[0] - b[0]),
  };
}

/** One number for each position of a row: at each the one that lies within reach of most targets. */
function ofNumbers(targets: Targets, scoring: { tolerance: number; relativeTolerance: number }): Floor {
  const width = targets.values.length / (targets.shape[0] || 1);
  let [total, right] = [0, 0];
  for (let position = 0; position < width; position += 1) {
    const values = targets.values.filter((_, n) => n % width === position && targets.mask?.[n] !== 0);
    total += values.length;
    right += mostWithin(values, scoring);
  }
  return { total, chance: right / total, classes: [] };
}

/** The most intervals `value ± half-width` that share a point: ends are closed, so a beginning goes before an end. */
function mostWithin(values: readonly number[], scoring: { tolerance: number; relativeTolerance: number }): number {
  const begins = values.map((value) => value - halfWidth(scoring, value)).sort((a, b) => a - b);
  const ends = values.map((value) => value + halfWidth(scoring, value)).sort((a, b) => a - b);
  let [most, ended] = [0, 0];
  begins.forEach((begin, begun) => {
    while ((ends[ended] ?? Number.POSITIVE_INFINITY) < begin) ended += 1;
    most = Math.max(most, begun + 1 - ended);
  });
  return most;
}
