import type { Detector } from "../series.ts";
import { type Change, countedEvents } from "./events.ts";
import { prefixSums } from "./sums.ts";

const FITTED = 0.95;
const RISE = 0.2;
const EVALUATIONS = 5;
const HAD = 0.5;
const LOST = 0.8;

/**
 * The rule by which grokking is usually told: train accuracy has reached .95, and then the held-out one rises by .20
 * or more within 5 evaluations (the delayed jump of Power et al. 2022, arXiv 2201.02177; the thresholds are custom, no
 * paper fixes them). It is dated at the latest evaluation from which the rise is that large. Its counterpart for losing
 * it again is a single threshold: below .8 of the running maximum once that was .5. Both believe single evaluations.
 * Where train was never measured the rule for rises says nothing.
 */
export const jumpRule: Detector = {
  name: "jump rule",
  description: "train >= .95, then +.20 within 5 evaluations; lost below .8 of the running maximum (common practice)",
  find({ m, train }) {
    const fit = train.findIndex((accuracy) => accuracy !== null && accuracy >= FITTED);
    const changes: Change[] = [];
    let highest = Number.NEGATIVE_INFINITY;
    let wasBelow = false;
    m.forEach((value, i) => {
      highest = Math.max(highest, value);
      const below = highest >= HAD && value < LOST * highest;
      if (below && !wasBelow) changes.push({ onset: i - 1, detectedAt: i, before: highest, after: value });
      wasBelow = below;
      if (fit < 0) return;
      for (let j = i - 1; j >= Math.max(fit, i - EVALUATIONS); j -= 1) {
        const before = m[j] ?? value;
        if (value - before < RISE) continue;
        changes.push({ onset: j, detectedAt: i, before, after: value });
        break;
      }
    });
    return countedEvents(prefixSums(m), changes);
  },
};
