/** Half the width, in standard errors, of a two-sided 95% interval. */
const Z95 = 1.959964;

export function median(values: readonly number[]): number {
  const sorted = sort(values);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** A sorted copy: by insertion, several times as fast as the built-in sort for the few values that a window holds. */
function sort(values: readonly number[]): number[] {
  const sorted = values.slice();
  for (let i = 1; i < sorted.length; i += 1) {
    const value = sorted[i] ?? 0;
    let at = i;
    for (; at > 0 && (sorted[at - 1] ?? 0) > value; at -= 1) sorted[at] = sorted[at - 1] ?? 0;
    sorted[at] = value;
  }
  return sorted;
}

/** The median of three. */
export const middleOf = (a: number, b: number, c: number): number =>
  Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));

/**
 * 95% Wilson score interval of an accuracy measured on `total` examples (Wilson 1927): the set of true rates whose own
 * normal approximation does not reject the observed one. Unlike p ± 2 se it stays in 0..1 and is not empty at 0 or 1.
 */
export function wilson(accuracy: number, total: number): [number, number] {
  const z2 = Z95 * Z95;
  const scale = 1 + z2 / total;
  const centre = (accuracy + z2 / (2 * total)) / scale;
  const half = (Z95 / scale) * Math.sqrt((accuracy * (1 - accuracy)) / total + z2 / (4 * total * total));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** The least number of examples, if any is within reach, at which `tells` of the Wilson interval holds and stays so. */
export function examplesUntil(accuracy: number, tells: (interval: [number, number]) => boolean): number {
  const limit = 2 ** 24;
  let enough = 1;
  while (enough < limit && !tells(wilson(accuracy, enough))) enough *= 2;
  let short = enough / 2;
  while (enough - short > 1) {
    const middle = Math.floor((short + enough) / 2);
    if (tells(wilson(accuracy, middle))) enough = middle;
    else short = middle;
  }
  return enough;
}

/**
 * Standard deviation of the jitter between checkpoints, from the median absolute second difference of successive values:
 * for normal noise that median is .6745 * sqrt(6) of it. A steady climb has no second difference, and a jump or a dip
 * moves two or three of them, so none of these counts for much.
 */
export function jitter(values: readonly number[]): number {
  if (values.length < 4) return 0;
  const differences: number[] = [];
  for (let i = 2; i < values.length; i += 1) {
    differences.push(Math.abs((values[i] ?? 0) - 2 * (values[i - 1] ?? 0) + (values[i - 2] ?? 0)));
  }
  return median(differences) / (0.6745 * Math.sqrt(6));
}

/** Sampling variance of an accuracy on `total` examples; two of each are added, so that 0 and 1 have some too. */
export function binomialVariance(accuracy: number, total: number): number {
  const shrunk = (accuracy * total + 2) / (total + 4);
  return (shrunk * (1 - shrunk)) / (total + 4);
}

/**
 * Probability that an accuracy really moved from `before` to `after`: the normal tail of their difference. Both carry
 * the sampling error of `total` examples (add-two estimate, so that 0 and 1 have variance too), taken as independent,
 * which errs towards doubt because the examples are the same; `noise` is the variance that jitter leaves in the levels.
 */
export function confidenceOfChange(before: number, after: number, total: number, noise: number): number {
  const sampling = binomialVariance(before, total) + binomialVariance(after, total);
  const z = Math.abs(after - before) / Math.sqrt(sampling + noise);
  return Math.min(0.999, Math.round(normalCdf(z) * 1000) / 1000);
}

/** Abramowitz and Stegun 26.2.17, error under 7.5e-8, for z >= 0. */
function normalCdf(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
