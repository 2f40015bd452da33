import type { Detector } from "../series.ts";
import { bicPenalty, LEAST_SEGMENT, noiseOf } from "./noise.ts";
import { eventsOfSegments } from "./segments.ts";
import { l2Cost, prefixSums } from "./sums.ts";

/**
 * PELT (Killick, Fearnhead and Eckley 2012, doi 10.1080/01621459.2012.737745): the segmentation with the least sum of
 * L2 costs plus `penalty` per change point, exactly, no segment shorter than `least`. Returns the first index of every
 * segment but the first. Linear time when changes are many, quadratic on one long level.
 *
 * A start s can be dropped once its total plus the cost of s..t exceeds the best total at t: from then on t is the
 * better start. But t becomes a possible start only `least` points later, so s stays until then.
 */
export function pelt(values: readonly number[], penalty: number, least: number): number[] {
  const n = values.length;
  if (n < 2 * least) return [];
  const sums = prefixSums(values);
  const best = new Float64Array(n + 1);
  best[0] = -penalty;
  const previous = new Int32Array(n + 1);
  const starts = new Int32Array(n + 1);
  const reached = new Float64Array(n + 1);
  const dropAt = new Int32Array(n + 1).fill(n + 1);
  let alive = 1;
  for (let t = least; t <= n; t += 1) {
    if (t >= 2 * least) starts[alive++] = t - least;
    let total = Number.POSITIVE_INFINITY;
    for (let k = 0; k < alive; k += 1) {
      const start = starts[k] ?? 0;
      const without = (best[start] ?? 0) + l2Cost(sums, start, t);
      reached[k] = without;
      if (without + penalty >= total) continue;
      total = without + penalty;
      previous[t] = start;
    }
    best[t] = total;
    let kept = 0;
    for (let k = 0; k < alive; k += 1) {
      const start = starts[k] ?? 0;
      if ((reached[k] ?? 0) > total) dropAt[start] = Math.min(dropAt[start] ?? n, t + least);
      if ((dropAt[start] ?? n) > t + 1) starts[kept++] = start;
    }
    alive = kept;
  }
  const cuts: number[] = [];
  for (let start = previous[n] ?? 0; start > 0; start = previous[start] ?? 0) cuts.push(start);
  return cuts.reverse();
}

/** PELT on the mean, with the noise, the penalty and the least segment of noise.ts. */
export const peltRival: Detector = {
  name: "PELT",
  description: "L2 cost, penalty 2 sigma^2 log n (BIC), segments of 3 or more (Killick 2012)",
  find({ m }) {
    return eventsOfSegments(prefixSums(m), pelt(m, bicPenalty(noiseOf(m), m.length), LEAST_SEGMENT));
  },
};
