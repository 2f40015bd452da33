import { TrajectoryError } from "./error.ts";
import { median } from "./statistics.ts";

/** The shortest stretch that counts as one: a slope leaves a stretch of two no residual. */
const SHORTEST = 3;
/** Places at which a change is first looked for; longer series are searched on a grid, then refined to the value. */
const GRID = 2000;
/** A lone value further than this many noise scales from its neighbours' median is drawn in to it. */
const SPIKE = 5;
/** Noise more correlated than this cannot be told from levels that wander, and would hide every change. */
const CORRELATED = 0.8;
/** Price of one more parameter, per log n: this times the noise … */
const PER_NOISE = 3;
/** … and this times the series' own variance about a line: a change that a reader of the plot would not see is none. */
const PER_VARIANCE = 1.5;

export interface ChangePointOptions {
  /** Multiplies the price of every change; 1 is the default that the benchmark measures. Above 1: fewer points. */
  penalty?: number;
}

interface Sums {
  y: Float64Array;
  ty: Float64Array;
  yy: Float64Array;
}

/**
 * Change points of a real-valued series of any unit and scale, found by looking back: for losses, norms, spectra and
 * any measure with no count behind it (accuracies have one, and their own detector). Values are taken as equally spaced.
 * Several series of one length are searched together: a change is then common to all.
 *
 * Answers the indices, counted from 0 and ascending, of the first value of each new stretch. x -> a x + b (a not 0)
 * leaves them as they are. None for a constant series or one of fewer than 6 values.
 *
 * Formula. Optimal partitioning (Jackson et al. 2005): the stretches that minimise
 *   sum over stretches of min(SSE about the mean, SSE about a line + p) / unit + p * changes,   p = penalty * log n,
 * each stretch at least 3 long. With unit = 3 s^2 (1 + r) / (1 - r) + 1.5 v, in squared units of the series:
 * - s^2 is the noise's variance, from the median of |x[i+1] - x[i]|, and r its lag-1 autocorrelation, kept to 0 .. .8: the
 *   squared median of |x[i+2] - x[i]| over the first one's, less 1. Changes of level hardly move either (Chakar et al.
 *   2017). Where most neighbours are equal, mean squares stand in for the medians. The factor makes s^2 the long-run
 *   variance.
 * - v is the variance about the one line through the whole series.
 * - 3 log n is the modified BIC's price of a change in a mean (Zhang and Siegmund 2007); 1.5 was chosen on half of the
 *   annotated series of bench/changepoints.
 * - A lone spike is first drawn in to 5 noise scales of the median of the 5 values about it.
 * For several series the first sum and p are summed over them.
 *
 * A slow curve is answered with the joints of the lines that follow it. Past 2000 values the search is on a grid of
 * 2000 places, each point then moved to the best value between its neighbours on the grid: time and memory stay linear
 * in the length, and stretches shorter than three grid cells may be missed. Deterministic.
 *
 * @throws TrajectoryError `invalid_result` on a value that is not finite or series of different lengths;
 * `invalid_options` on a penalty that is not a positive number.
 */
export function findChangePoints(
  values: readonly number[] | readonly (readonly number[])[],
  options: ChangePointOptions = {},
): number[] {
  const { penalty = 1 } = options;
  if (!(penalty > 0 && Number.isFinite(penalty)))
    throw new TrajectoryError("invalid_options", `penalty must be a positive number, got ${penalty}`);
  const series = asSeries(values);
  const n = series[0]?.length ?? 0;
  if (n < 2 * SHORTEST) return [];
  const sums = series.flatMap((one) => prepare(one) ?? []);
  if (sums.length === 0) return [];
  const price = penalty * Math.log(n);
  const cost = (from: number, to: number) => {
    let total = 0;
    for (const one of sums) total += costOf(one, from, to, price);
    return total;
  };
  const cell = Math.ceil(n / GRID);
  const coarse = partition(n, cell, price * sums.length, cost);
  return cell === 1 ? coarse : refine(coarse, n, cell, cost);
}

function asSeries(values: readonly number[] | readonly (readonly number[])[]): readonly (readonly number[])[] {
  const series = isMany(values) ? values : [values];
  for (const [which, one] of series.entries()) {
    if (one.length !== series[0]?.length)
      throw new TrajectoryError(
        "invalid_result",
        `series ${which} has ${one.length} values, the first ${series[0]?.length}`,
      );
    const at = one.findIndex((value) => !Number.isFinite(value));
    if (at >= 0)
      throw new TrajectoryError(
        "invalid_result",
        `value ${at} of series ${which} is ${one[at]}; it must be a finite number`,
      );
  }
  return series;
}

function isMany(values: readonly number[] | readonly (readonly number[])[]): values is readonly (readonly number[])[] {
  return Array.isArray(values[0]);
}

/** Running sums of one series in units of its penalty; null if it is constant but for rounding. */
function prepare(values: readonly number[]): Sums | null {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const [middle, half] = [low / 2 + high / 2, high / 2 - low / 2];
  if (!(half > 4 * Number.EPSILON * Math.abs(middle))) return null;
  const y = drawIn(values.map((value) => (value - middle) / half));
  const n = y.length;
  const whole = accumulate(y, 1);
  const { noise, correlation } = noiseOf(y);
  const unit =
    (PER_NOISE * noise * (1 + correlation)) / (1 - correlation) + (PER_VARIANCE * squares(whole, 0, n).line) / n;
  return unit > 0 ? accumulate(y, 1 / Math.sqrt(unit)) : null;
}

/** Lone spikes brought to SPIKE noise scales of the median of the 5 values about them. */
function drawIn(y: readonly number[]): readonly number[] {
  const centres = y.map((_, i) => {
    const from = Math.max(0, Math.min(y.length - 5, i - 2));
    return median(y.slice(from, from + 5));
  });
  const limit = (SPIKE * median(y.map((value, i) => Math.abs(value - (centres[i] ?? value))))) / 0.6745;
  if (!(limit > 0)) return y;
  return y.map((value, i) => {
    const centre = centres[i] ?? value;
    return Math.max(centre - limit, Math.min(centre + limit, value));
  });
}

/** Where most neighbours are equal the median difference is 0 and says nothing: the mean square stands in for it. */
function noiseOf(y: readonly number[]): { noise: number; correlation: number } {
  const differences = (lag: number) => y.slice(lag).map((value, i) => Math.abs(value - (y[i] ?? value)));
  const [one, two] = [differences(1), differences(2)];
  const scale = median(one) > 0 ? (sizes: number[]) => (median(sizes) / 0.6745) ** 2 : meanSquare;
  const [near, far] = [scale(one), scale(two)];
  const correlation = Math.min(CORRELATED, Math.max(0, far / near - 1));
  return { noise: near / 2 / (1 - correlation), correlation };
}

function meanSquare(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size * size, 0) / sizes.length;
}

function accumulate(y: readonly number[], factor: number): Sums {
  const n = y.length;
  const sums = { y: new Float64Array(n + 1), ty: new Float64Array(n + 1), yy: new Float64Array(n + 1) };
  for (const [i, raw] of y.entries()) {
    const value = raw * factor;
    sums.y[i + 1] = (sums.y[i] ?? 0) + value;
    sums.ty[i + 1] = (sums.ty[i] ?? 0) + i * value;
    sums.yy[i + 1] = (sums.yy[i] ?? 0) + value * value;
  }
  return sums;
}

/** Sums of squares of the values from `from` up to, not including, `to`: about their mean, and about their line. */
function squares({ y, ty, yy }: Sums, from: number, to: number): { mean: number; line: number } {
  const length = to - from;
  const sum = (y[to] ?? 0) - (y[from] ?? 0);
  const mean = (yy[to] ?? 0) - (yy[from] ?? 0) - (sum * sum) / length;
  const shared = (ty[to] ?? 0) - (ty[from] ?? 0) - ((from + to - 1) / 2) * sum;
  const spread = (length * (length * length - 1)) / 12;
  return { mean, line: spread > 0 ? Math.max(0, mean - (shared * shared) / spread) : mean };
}

function costOf(one: Sums, from: number, to: number, price: number): number {
  const { mean, line } = squares(one, from, to);
  return Math.max(0, Math.min(mean, line + price));
}

type Cost = (from: number, to: number) => number;

/** The exact optimum over changes at multiples of `cell`. */
function partition(n: number, cell: number, price: number, cost: Cost): number[] {
  const ends = Array.from({ length: Math.ceil(n / cell) }, (_, i) => i * cell).concat(n);
  const best = new Float64Array(ends.length).fill(Infinity);
  const before = new Int32Array(ends.length);
  best[0] = -price;
  for (const [k, to] of ends.entries()) {
    for (let j = 0; j < k; j += 1) {
      const from = ends[j] ?? 0;
      if (to - from < SHORTEST) break;
      const total = (best[j] ?? Infinity) + price + cost(from, to);
      if (total < (best[k] ?? Infinity)) {
        best[k] = total;
        before[k] = j;
      }
    }
  }
  const points: number[] = [];
  for (let k = before[ends.length - 1] ?? 0; k > 0; k = before[k] ?? 0) points.push(ends[k] ?? 0);
  return points.reverse();
}

/** Each point moved to the best value within a cell of it, the others where they are. */
function refine(points: readonly number[], n: number, cell: number, cost: Cost): number[] {
  const moved = [...points];
  for (const [k, point] of points.entries()) {
    const [left, right] = [moved[k - 1] ?? 0, points[k + 1] ?? n];
    let least = Infinity;
    const last = Math.min(right - SHORTEST, point + cell);
    for (let at = Math.max(left + SHORTEST, point - cell); at <= last; at += 1) {
      const total = cost(left, at) + cost(at, right);
      if (total < least) {
        least = total;
        moved[k] = at;
      }
    }
  }
  return moved;
}
