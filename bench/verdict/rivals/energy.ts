/** A place to cut, and how unlike the two sides are there. */
export interface Cut {
  at: number;
  q: number;
}

/**
 * The energy statistic of E-divisive (Matteson and James 2014, arXiv 1306.4933, exponent 1) on one window of values.
 * For X = a..τ and Y = τ..κ with n and m values,
 *
 *   Q = 2/(m+n) * sum |x - y| - 2m/((m+n)(n-1)) * sum |x - x'| - 2n/((m+n)(m-1)) * sum |y - y'|
 *
 * over all pairs; κ runs too, so that a later change cannot hide this one. One table of running sums of distances makes
 * each Q a constant number of operations: O(length^2) a window and a segment.
 */
export class Energy {
  private readonly width: number;
  /** below[j * width + k]: distances of value j to the first k values. */
  private readonly below: Float64Array;

  constructor(longest: number) {
    this.width = longest + 1;
    this.below = new Float64Array(longest * this.width);
  }

  /** Takes the window that `best` is asked about. */
  load(values: Float64Array): void {
    const { below, width } = this;
    for (let j = 0; j < values.length; j += 1) {
      const value = values[j] ?? 0;
      let sum = 0;
      for (let k = 0; k < j; k += 1) {
        sum += Math.abs(value - (values[k] ?? 0));
        below[j * width + k + 1] = sum;
      }
    }
  }

  /** Where Q is largest between `start` (included) and `end` (not included) of the window; null under two values. */
  best(start: number, end: number): Cut | null {
    const { below, width } = this;
    let best: Cut | null = null;
    let at = -1;
    let q = Number.NEGATIVE_INFINITY;
    let withinX = 0;
    for (let cut = start + 1; cut < end; cut += 1) {
      const n = cut - start;
      const last = (cut - 1) * width;
      withinX += (below[last + cut - 1] ?? 0) - (below[last + start] ?? 0);
      const ownX = n > 1 ? withinX / (n - 1) : 0;
      let across = 0;
      let withinY = 0;
      for (let k = cut; k < end; k += 1) {
        const row = k * width;
        const toCut = below[row + cut] ?? 0;
        across += toCut - (below[row + start] ?? 0);
        withinY += (below[row + k] ?? 0) - toCut;
        const m = k - cut + 1;
        const ownY = m > 1 ? withinY / (m - 1) : 0;
        const value = (2 * (across - m * ownX - n * ownY)) / (m + n);
        if (value > q) {
          q = value;
          at = cut;
        }
      }
    }
    if (at >= 0) best = { at, q };
    return best;
  }
}
