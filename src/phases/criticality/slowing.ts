import { sum } from "./sample.ts";
import type { Observation } from "./series.ts";

/** Values below which a lag-1 autocorrelation is mostly the removal of the trend. */
export const MINIMUM_WINDOW = 10;
/** Largest gap between checkpoints in a window, in smallest ones: over it, lag 1 means two things. */
const EVEN = 2;

/**
 * Lag-1 autocorrelation of evenly spaced values about their straight line of least squares, a pure number in -1..1:
 * r = sum e_t e_(t+1) / sum e_t^2, and (n r + 2) / (n - 5) for its bias, which is about -(2 + 5 phi) / n for an AR(1)
 * process with phi: -(1 + 4 phi) / n (Marriott and Pope 1954), and -(1 + phi) / n for the line. What it leaves: .04 at
 * n = 20 and phi = .6, .13 at phi = .9; under .02 from n = 100. It rises towards a transition that slows the system down
 * (Scheffer et al. 2009). Null for fewer than 10 values, and where they lie on a line: no fluctuations, nothing to tell.
 */
export function lagOneAutocorrelation(values: readonly number[]): number | null {
  const n = values.length;
  if (n < MINIMUM_WINDOW) return null;
  const mean = sum(values) / n;
  const middle = (n - 1) / 2;
  const slope = sum(values.map((value, i) => (i - middle) * (value - mean))) / ((n * (n * n - 1)) / 12);
  const rest = values.map((value, i) => value - mean - slope * (i - middle));
  const variance = sum(rest.map((e) => e * e));
  const scale = sum(values.map((value) => value * value));
  if (variance <= ROUNDING * scale) return null;
  const r = sum(rest.slice(1).map((e, i) => e * (rest[i] ?? 0))) / variance;
  return Math.max(-1, Math.min(1, (n * r + 2) / (n - 5)));
}

/** Share of the sum of squares that arithmetic alone leaves of a straight line. */
const ROUNDING = 1e-20;

/**
 * The autocorrelation in the window of checkpoints that ends at each observation, in their order; null where the window
 * is not full yet or its checkpoints are unevenly spaced, because then a lag is no fixed number of steps.
 */
export function slidingAutocorrelation(observations: readonly Observation[], window: number): (number | null)[] {
  return observations.map((_, i) => {
    const seen = observations.slice(Math.max(0, i + 1 - window), i + 1);
    if (seen.length < window) return null;
    const gaps = seen.slice(1).map(({ step }, j) => step - (seen[j]?.step ?? 0));
    if (Math.max(...gaps) > EVEN * Math.min(...gaps)) return null;
    return lagOneAutocorrelation(seen.map(({ m }) => m));
  });
}
