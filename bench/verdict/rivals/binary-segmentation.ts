import type { Detector } from "../series.ts";
import { bicPenalty, LEAST_SEGMENT, noiseOf } from "./noise.ts";
import { eventsOfSegments } from "./segments.ts";
import { l2Cost, prefixSums, type Sums } from "./sums.ts";

/**
 * Binary segmentation (Scott and Knott 1974; Vostrikova 1981): cut where the L2 cost falls most, if by more than
 * `penalty`, and go on in both halves; no segment shorter than `least`. Returns the first index of every segment but
 * the first. Greedy: an early cut is never taken back.
 */
export function binarySegmentation(sums: Sums, penalty: number, least: number): number[] {
  const cuts: number[] = [];
  const open: [start: number, end: number][] = [[0, sums.length]];
  for (let segment = open.pop(); segment; segment = open.pop()) {
    const [start, end] = segment;
    const whole = l2Cost(sums, start, end);
    let gain = penalty;
    let cut = 0;
    for (let at = start + least; at <= end - least; at += 1) {
      const saved = whole - l2Cost(sums, start, at) - l2Cost(sums, at, end);
      if (saved > gain) {
        gain = saved;
        cut = at;
      }
    }
    if (cut > 0) {
      cuts.push(cut);
      open.push([start, cut], [cut, end]);
    }
  }
  return cuts.sort((a, b) => a - b);
}

/** Binary segmentation with PELT's cost, noise, penalty and least segment length, so that only the search differs. */
export const binarySegmentationRival: Detector = {
  name: "binary segmentation",
  description: "L2 cost, penalty 2 sigma^2 log n (BIC), segments of 3 or more (Scott and Knott 1974)",
  find({ m }) {
    const sums = prefixSums(m);
    return eventsOfSegments(sums, binarySegmentation(sums, bicPenalty(noiseOf(m), m.length), LEAST_SEGMENT));
  },
};
