/** The order parameter of one member at one of its checkpoints, and the variance that its examples alone give it. */
export interface Observation {
  step: number;
  m: number;
  noise: number;
}

/** One member of an ensemble: its observations in order of step. `examples` is how many m is a mean over. */
export interface Series {
  observations: readonly Observation[];
  examples: number;
}

/** More steps than this are thinned: neighbours tell the same, and the jackknife holds all members at every step. */
const MOST_STEPS = 2000;

/**
 * The steps at which members are compared: every step at which any of them was measured, within the range that all of
 * them cover; of more than 2,000 every k-th. Empty where no range is common.
 */
export function commonSteps(members: readonly Series[]): number[] {
  const ends = members.map(({ observations }) => [observations[0]?.step, observations.at(-1)?.step] as const);
  const from = Math.max(...ends.map(([first]) => first ?? Number.POSITIVE_INFINITY));
  const to = Math.min(...ends.map(([, last]) => last ?? Number.NEGATIVE_INFINITY));
  const all = new Set(members.flatMap(({ observations }) => observations.map(({ step }) => step)));
  const steps = [...all].filter((step) => step >= from && step <= to).toSorted((a, b) => a - b);
  const every = Math.ceil(steps.length / MOST_STEPS);
  return steps.filter((_, i) => i % every === 0 || i === steps.length - 1);
}

/**
 * For each of `steps` the value at the latest observation at or before it. Not interpolated: between two checkpoints
 * of an abrupt crossing that would make up a level that no model ever had.
 */
export function latestAt<T>(steps: readonly number[], observations: readonly { step: number }[], values: readonly T[]) {
  let i = -1;
  return steps.map((step): T | null => {
    while ((observations[i + 1]?.step ?? Number.POSITIVE_INFINITY) <= step) i += 1;
    return values[i] ?? null;
  });
}

/** Running median of 3, ends as they are: a dip of one evaluation is no level, and must not pass for spread. */
export const smoothed = (values: readonly number[]): number[] =>
  values.map((value, i) => {
    const [before, after] = [values[i - 1], values[i + 1]];
    if (before === undefined || after === undefined) return value;
    return Math.max(Math.min(before, value), Math.min(Math.max(before, value), after));
  });
