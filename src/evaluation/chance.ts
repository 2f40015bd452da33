import { halfWidth, type Scoring } from "./metrics.ts";

/** A split's targets, row-major, as decoded. */
export interface Targets {
  values: ArrayLike<number>;
  /** In the targets' shape, 0 where one is not asked; null where all are. */
  mask: ArrayLike<number> | null;
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
      return ofClasses(targets, scoring.ignoreIndex);
    case "binary":
      return ofClasses(targets, null);
    case "multilabel":
      return ofLabels(targets);
    case "regression":
      return ofNumbers(targets, scoring);
  }
}

function ofClasses({ values, mask }: Targets, ignored: number | null): Floor {
  const counts = new Map<number, number>();
  let total = 0;
  for (let n = 0; n < values.length; n += 1) {
    const value = values[n] ?? Number.NaN;
    if (value === ignored || mask?.[n] === 0) continue;
    counts.set(value, (counts.get(value) ?? 0) + 1);
    total += 1;
  }
  // The commonest first, the lower of equals first.
  const classes = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return { total, chance: (classes[0]?.[1] ?? 0) / total, classes };
}

/** Two answers can be the best constant one: the commonest set of labels, and each label as it mostly is. */
function ofLabels({ values, mask, shape }: Targets): Floor {
  const width = shape.at(-1) ?? 1;
  const isAsked = (index: number) => mask?.[index] !== 0;
  const [ones, asked] = [new Array<number>(width).fill(0), new Array<number>(width).fill(0)];
  for (let n = 0; n < values.length; n += 1) {
    if (!isAsked(n)) continue;
    ones[n % width] = (ones[n % width] ?? 0) + (values[n] ?? 0);
    asked[n % width] = (asked[n % width] ?? 0) + 1;
  }
  const mostly = ones.map((count, label) => (count * 2 > (asked[label] ?? 0) ? 1 : 0));
  const sets = new Map<string, number>();
  let [total, byLabel] = [0, 0];
  for (let from = 0; from < values.length; from += width) {
    let [set, asks, fits] = ["", false, true];
    for (let label = 0; label < width; label += 1) {
      const index = from + label;
      set += isAsked(index) ? values[index] : "-";
      asks ||= isAsked(index);
      fits &&= !isAsked(index) || values[index] === mostly[label];
    }
    if (!asks) continue;
    total += 1;
    if (fits) byLabel += 1;
    sets.set(set, (sets.get(set) ?? 0) + 1);
  }
  const commonest = [...sets.values()].reduce((most, count) => Math.max(most, count), 0);
  const classes = ones.map((count, label): [number, number] => [label, count]);
  return {
    total,
    chance: Math.max(commonest, byLabel) / total,
    classes: classes.sort((a, b) => b[1] - a[1] || a[0] - b[0]),
  };
}

/** One number for each position of a row: at each the one that lies within reach of most targets. */
function ofNumbers(targets: Targets, scoring: { tolerance: number; relativeTolerance: number }): Floor {
  const width = targets.values.length / (targets.shape[0] || 1);
  let [total, right] = [0, 0];
  for (let position = 0; position < width; position += 1) {
    const values: number[] = [];
    for (let n = position; n < targets.values.length; n += width) {
      if (targets.mask?.[n] !== 0) values.push(targets.values[n] ?? Number.NaN);
    }
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
