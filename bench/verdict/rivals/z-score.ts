import type { Detector } from "../series.ts";
import { type Change, countedEvents, LEAST_CHANGE } from "./events.ts";
import { mean, prefixSums } from "./sums.ts";

/** Defaults of `wandb.automations.MetricZScoreFilter`: window 30, threshold 3.0, change in any direction. */
const WINDOW = 30;
const THRESHOLD = 3;
/** The documentation does not say when a window that is still filling counts: from a third of it on. */
const LEAST_WINDOW = 10;

/**
 * A run-metric automation of W&B: fires when a value lies more than `threshold` standard deviations from the mean of
 * the window before it. Settings: https://docs.wandb.ai/models/ref/python/automations/metriczscorefilter. Whether the
 * value belongs to its own window is not documented either; here it does not, which lets it
 * fire earlier.
 */
export const zScore: Detector = {
  name: "z-score",
  description: "value beyond 3 standard deviations of the 30 before it (defaults of W&B's MetricZScoreFilter)",
  find({ m }) {
    const sums = prefixSums(m);
    const changes: Change[] = [];
    m.forEach((value, i) => {
      const start = Math.max(0, i - WINDOW);
      if (i - start < LEAST_WINDOW) return;
      const before = mean(sums, start, i);
      // Two passes: a window pinned at one value has to come out at exactly 0.
      let squares = 0;
      for (let j = start; j < i; j += 1) squares += ((m[j] ?? 0) - before) ** 2;
      const deviation = Math.sqrt(squares / (i - start));
      const change = Math.abs(value - before);
      if (change >= LEAST_CHANGE && change > THRESHOLD * deviation)
        changes.push({ onset: i - 1, detectedAt: i, before, after: value });
    });
    return countedEvents(sums, changes);
  },
};
