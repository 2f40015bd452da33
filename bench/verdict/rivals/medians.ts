import type { Detector } from "../series.ts";
import { type Change, countedEvents, DWELL, LEAST_CHANGE } from "./events.ts";
import { prefixSums } from "./sums.ts";

/** Successive differences that tell the noise. */
const DIFFERENCES = 25;

/**
 * The rule that anyone could write in six lines: the median of the last 5 values has left the level by .05, or by 3
 * standard deviations of the noise where that is more (median absolute difference, over .6745 sqrt 2). That median is
 * then the level, and the change is dated at the last value within a tenth of it. The least change and the 5 are the
 * product's own; 3 and 25 are plain choices.
 */
export const sixLines: Detector = {
  name: "six lines of medians",
  description: "the median of the last 5 left the level by .05 and by 3 standard deviations of the noise",
  find({ m }) {
    const changes: Change[] = [];
    const moves = m.map((value, i) => Math.abs(value - (m[i - 1] ?? value)));
    let level = median(m.slice(0, DWELL));
    for (let i = DWELL; i < m.length; i += 1) {
      const now = median(m.slice(i - DWELL + 1, i + 1));
      const noise = median(moves.slice(Math.max(1, i + 1 - DIFFERENCES), i + 1)) / (0.6745 * Math.SQRT2);
      if (Math.abs(now - level) < Math.max(LEAST_CHANGE, 3 * noise)) continue;
      const onset = m.findLastIndex((value, k) => k < i && (value - level) / (now - level) < 0.1);
      changes.push({ onset, detectedAt: i, before: level, after: now });
      level = now;
    }
    return countedEvents(prefixSums(m), changes);
  },
};

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
