// What PELT and binary segmentation share: the noise, the price of a change point, the shortest segment.

/** The resolution below which noise is not believed: a fifth of the least change that is an event. */
const LEAST_SIGMA = 0.01;

/**
 * The shortest segment, a setting of every implementation (2 in ruptures, 1 in R's changepoint). 3 keeps more dips of a
 * single evaluation from being segments, and a ramp of 4 checkpoints can still be cut where it begins.
 */
export const LEAST_SEGMENT = 3;

/**
 * Standard deviation of the noise, from the median absolute difference of successive values (for normal noise .6745
 * times the square root of 2 of it), so that a jump moves only one difference. Accuracies pinned at 0 or 1 differ by
 * exactly 0 more often than not; a penalty of 0 would then cut at every checkpoint, hence the least value.
 */
export function noiseOf(values: readonly number[]): number {
  const differences = values
    .slice(1)
    .map((value, i) => Math.abs(value - (values[i] ?? value)))
    .sort((a, b) => a - b);
  const typical = differences[Math.floor(differences.length / 2)] ?? 0;
  return Math.max(LEAST_SIGMA, typical / (0.6745 * Math.SQRT2));
}

/**
 * What a change point must save in squared error: 2 sigma^2 log n, the BIC of a normal mean change in which the place
 * of the change counts as a parameter beside the new mean ("BIC" of R's changepoint package, Killick and Eckley 2014).
 * The ruptures guide uses half of it, sigma^2 log n, which cuts more often.
 */
export function bicPenalty(sigma: number, count: number): number {
  return 2 * sigma ** 2 * Math.log(count);
}
