// Two checkpoints on the same examples. Pure: counts and losses in, probabilities out.

/**
 * Exact McNemar test, two-sided (McNemar 1947; the binomial form): of the examples that flipped, would a fair coin send
 * as few one way? The examples that both have right or both have wrong say nothing.
 */
export function mcnemar(gained: number, lost: number): number {
  const flipped = gained + lost;
  const fewer = Math.min(gained, lost);
  // Sums C(n, k) 2^-n for k up to the fewer, in logarithms: 2^-n alone is nothing from n = 1,075 on.
  let term = -flipped * Math.LN2;
  let sum = term;
  for (let k = 1; k <= fewer; k += 1) {
    term += Math.log((flipped - k + 1) / k);
    sum = Math.max(sum, term) + Math.log1p(Math.exp(-Math.abs(sum - term)));
  }
  return Math.min(1, 2 * Math.exp(sum));
}

export interface LossComparison {
  /** Mean loss of the second less that of the first. */
  change: number;
  /** 95%, percentiles of the resampled changes. */
  interval: [number, number];
  /** Two-sided: how often a resampled change lies on the other side of zero. */
  p: number;
}

export const RESAMPLES = 2000;

/**
 * Paired bootstrap of the change of the mean loss (Efron & Tibshirani 1993, chapter 13): blocks of examples are drawn
 * with replacement, each with both its losses. Null where a loss is no number.
 * @param before losses summed over each block, `after` over the same blocks
 * @param total items behind all of them
 */
export function pairedBootstrap(
  before: ArrayLike<number>,
  after: ArrayLike<number>,
  total: number,
  seed: number,
): LossComparison | null {
  const blocks = before.length;
  const changes = Float64Array.from({ length: blocks }, (_, n) => ((after[n] ?? 0) - (before[n] ?? 0)) / total);
  const change = changes.reduce((a, b) => a + b, 0);
  if (!Number.isFinite(change)) return null;
  const uniform = generator(seed);
  const drawn = new Float64Array(RESAMPLES);
  let [below, above] = [0, 0];
  for (let n = 0; n < RESAMPLES; n += 1) {
    let sum = 0;
    for (let m = 0; m < blocks; m += 1) sum += changes[Math.floor(uniform() * blocks)] ?? 0;
    drawn[n] = sum;
    if (sum <= 0) below += 1;
    if (sum >= 0) above += 1;
  }
  drawn.sort();
  const at = (share: number) => drawn[Math.round(share * (RESAMPLES - 1))] ?? change;
  // The sample itself counts as one of them, so that no change is impossible.
  const p = Math.min(1, (2 * (Math.min(below, above) + 1)) / (RESAMPLES + 1));
  return { change, interval: [at(0.025), at(0.975)], p };
}

/**
 * Adjusts probabilities for their number so that a share of those called changes, and not each of them, is bounded
 * (Benjamini & Hochberg 1995): below .05, at most one in twenty is expected to be none.
 */
export function benjaminiHochberg(probabilities: readonly number[]): number[] {
  const order = probabilities.map((_, n) => n).sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0));
  const adjusted = new Array<number>(probabilities.length);
  let least = 1;
  order.forEach((index, n) => {
    const rank = probabilities.length - n;
    least = Math.min(least, ((probabilities[index] ?? 1) * probabilities.length) / rank);
    adjusted[index] = least;
  });
  return adjusted;
}

/** Uniform in [0, 1): mulberry32, a 32-bit counter mixed twice. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
