// When a rise can be asserted: an e-detector (Shin, Ramdas, Rinaldo 2023, arXiv 2203.03532). Given the null that it is held
// against, its false alarms are bounded at every moment, without asymptotics and without knowing the level after. The null
// itself is an estimate: docs/detector.md says what that leaves open.

import type { Sample } from "./split.ts";

/**
 * What the fold keeps of the search for a rise. `evidence` are Shiryaev-Roberts sums, one for each level that the split
 * may have risen to: while the mean of what comes next is no higher than the null, each has the number of checkpoints
 * since its start as its expectation at most, so that their mean reaches A in T checkpoints with probability T / A.
 */
export interface Alarm {
  evidence: number[];
  /** Consecutive checkpoints above the null. */
  above: number;
  /** The level lately, in m: it follows a drift that is too slow to be a rise. */
  lately: number;
  count: number;
  /** A cumulative sum (Page 1954) of what exceeds the level lately: it dates what the evidence asserts. */
  climb: number;
  /** The last checkpoint at which that sum was zero: the last one still at the level before. */
  calm: Sample | null;
}

/** What a checkpoint is held against. */
export interface Null {
  /** The highest conditional mean that is no event, as an accuracy in 0..1. */
  accuracy: number;
  /** Examples behind a checkpoint; fewer than there are where the jitter exceeds theirs. */
  examples: number;
  /** Standard deviation of the jitter, in m. */
  jitter: number;
}

/** Shares of the way from the null to no error: the levels after that are looked for. */
const ALTERNATIVES = [0.03, 0.08, 0.2, 0.45, 0.9] as const;
/** Weight of learning nothing from a checkpoint: one dip on the way up costs no more than its logarithm. */
const FORGIVEN = 0.05;
/** Checkpoints over which the level lately is averaged. */
const MEMORY = 30;
/** A checkpoint on its way up exceeds the level lately by this, in m, or by half of the jitter. */
const SLACK = 0.015;

export const beginAlarm = (level: number, calm: Sample | null): Alarm => ({
  evidence: ALTERNATIVES.map(() => 0),
  above: 0,
  lately: level,
  count: 1,
  climb: 0,
  calm,
});

/**
 * Takes in one checkpoint; `accuracy` in 0..1. Each sum is multiplied by an e-value: the binomial likelihood ratio of
 * its alternative to the null, whose expectation is at most 1 for any counts no wider than `examples` draws with a mean
 * at or under the null. No checkpoint counts for more than `limit` nats, which keeps one alone from raising the alarm.
 */
export function listen(alarm: Alarm, at: Sample, accuracy: number, against: Null, limit: number): void {
  const { accuracy: q, examples } = against;
  const { right, wrong } = logRatios(q);
  for (let k = 0; k < ALTERNATIVES.length; k += 1) {
    const ratio = examples * (accuracy * (right[k] ?? 0) + (1 - accuracy) * (wrong[k] ?? 0));
    const value = FORGIVEN + (1 - FORGIVEN) * Math.exp(Math.min(ratio, limit));
    // Far beyond any alarm: finite, because it is stored as JSON.
    alarm.evidence[k] = Math.min(1e15, (1 + (alarm.evidence[k] ?? 0)) * value);
  }
  alarm.above = accuracy > q ? alarm.above + 1 : 0;
  const slack = Math.max(SLACK, against.jitter / 2);
  const excess = at.value - alarm.lately;
  // A dip on the way up does not end the way.
  alarm.climb = Math.max(0, alarm.climb + Math.max(excess, -2 * slack) - slack);
  if (alarm.climb === 0) alarm.calm = at;
  alarm.count = Math.min(MEMORY, alarm.count + 1);
  alarm.lately += Math.max(-4 * slack, Math.min(4 * slack, excess)) / alarm.count;
}

/** What one right and one wrong answer are worth to each alternative, in nats. */
interface LogRatios {
  null: number;
  right: number[];
  wrong: number[];
}

// At the floor the null is the same for every checkpoint, and these logarithms are most of the work.
let latest: LogRatios = { null: Number.NaN, right: [], wrong: [] };

function logRatios(q: number): LogRatios {
  if (latest.null === q) return latest;
  const alternatives = ALTERNATIVES.map((share) => q + share * (1 - q));
  const right = alternatives.map((p) => Math.log(p / q));
  latest = { null: q, right, wrong: alternatives.map((p) => Math.log((1 - p) / (1 - q))) };
  return latest;
}

/** Mean of the sums: the evidence of a rise to any of the levels. */
export function evidenceOf({ evidence }: Alarm): number {
  let sum = 0;
  for (const value of evidence) sum += value;
  return sum / evidence.length;
}

/** Whether the split seems to be on its way up already: its checkpoints tell nothing about the level before. */
export const climbing = (alarm: Alarm, jitter: number): boolean => alarm.climb > 5 * Math.max(SLACK, jitter / 2);
