/** Fewer points than this in a tail make any exponent look like a fit. */
const LEAST_TAIL = 10;

/** A power law p(x) ~ x^-alpha for x >= start. */
export interface PowerLaw {
  readonly alpha: number;
  /** Where the tail begins; one of the points. */
  readonly start: number;
  /** Points from there on. */
  readonly tail: number;
  /** Kolmogorov-Smirnov distance between these points and the fit, 0 to 1. */
  readonly distance: number;
}

/**
 * Fits a power law to the tail of positive numbers, in any order. For each possible start the exponent is the maximum
 * likelihood estimate 1 + n / sum ln(x / start), which is Hill's (Annals of Statistics 3, 1975); of all starts with at
 * least 10 points from there on, the one nearest to its fit by Kolmogorov-Smirnov is taken. Clauset, Shalizi & Newman,
 * SIAM Review 51 (2009), sections 3.1 and 3.3. Null for fewer than 10 points, or where all are equal. Takes time
 * proportional to the square of the number of points.
 */
export function fitPowerLaw(points: readonly number[]): PowerLaw | null {
  const logs = points.map(Math.log).toSorted((a, b) => a - b);
  let best: PowerLaw | null = null;
  // Sum of the logarithms from the start on: suffix sums, so that the exponent costs nothing.
  let sum = 0;
  for (let first = logs.length - 1; first >= 0; first--) {
    const start = logs[first] as number;
    sum += start;
    const tail = logs.length - first;
    // Of equal points only the first can be a start.
    if (tail < LEAST_TAIL || start === logs[first - 1]) continue;
    const spread = sum - tail * start;
    // Equal but for rounding.
    if (spread <= tail * Number.EPSILON * Math.abs(start)) continue;
    const alpha = 1 + tail / spread;
    const distance = distanceOf(logs, first, alpha);
    if (best === null || distance <= best.distance) best = { alpha, start: Math.exp(start), tail, distance };
  }
  return best;
}

/** Greatest difference between the points' distribution, on either side of its steps, and 1 - (x / start)^(1 - alpha). */
function distanceOf(logs: readonly number[], first: number, alpha: number): number {
  const tail = logs.length - first;
  const start = logs[first] as number;
  let greatest = 0;
  for (let i = 0; i < tail; i++) {
    const fitted = 1 - Math.exp((1 - alpha) * ((logs[first + i] as number) - start));
    greatest = Math.max(greatest, Math.abs(fitted - i / tail), Math.abs((i + 1) / tail - fitted));
  }
  return greatest;
}
