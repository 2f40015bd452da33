import type { Detector } from "../series.ts";
import { eventsOfSegments } from "./segments.ts";
import { mean, prefixSums, type Sums } from "./sums.ts";

/** Default of Kats' BOCPDetector.detector. Its data check asks for 10 points. */
const THRESHOLD = 0.5;
const LEAST_POINTS = 10;
/** NormalKnownParameters.prior_choice, from which Kats chooses (choose_priors) what predicts the series best. */
const CHANGE_PRIORS = [0.001, 0.002, 0.005, 0.01, 0.02];
const PRECISION_MULTIPLIERS = [1, 2, 3, 4, 5];
const ROLLING = 10;
/** Run lengths less likely than this are dropped … */
const NEGLIGIBLE = 1e-20;
/** … and of twice as many as this the less likely half, which bounds the work at a checkpoint. */
const MOST_ALIVE = 200;

/** A normal level with known precision, its mean normal around `mean` with precision `meanPrecision`. */
export interface LevelPrior {
  mean: number;
  meanPrecision: number;
  precision: number;
  /** Probability of a change at each checkpoint. */
  change: number;
}

export interface RunLengths {
  /** By checkpoint i: the highest probability, at any later checkpoint, that a level began at i. */
  began: Float64Array;
  /** By checkpoint i: the first checkpoint at which that probability passed the threshold, or -1. */
  passedAt: Int32Array;
  /** Sum of the log probabilities with which each checkpoint was predicted from those before it. */
  logEvidence: number;
}

/**
 * Bayesian online change-point detection (Adams and MacKay 2007, arXiv 0710.3742) as in Kats' `_NormalKnownPrec`: the
 * value at which a level begins is predicted from the level before, and counted to the new one. Run lengths less likely
 * than `negligible` are dropped, and the less likely half whenever there are 2 `most`: O(n * most).
 */
export function runLengths(sums: Sums, prior: LevelPrior, negligible: number, most: number): RunLengths {
  const n = sums.length;
  const began = new Float64Array(n);
  const passedAt = new Int32Array(n).fill(-1);
  const starts = new Int32Array(n);
  const weights = new Float64Array(n);
  const scaled = new Float64Array(n);
  // What the prediction from k values needs, whatever they are.
  const precisionAfter = (k: number) => prior.meanPrecision + k * prior.precision;
  const variances = Float64Array.from({ length: n + 1 }, (_, k) => 1 / precisionAfter(k) + 1 / prior.precision);
  const logDeviations = variances.map((variance) => 0.5 * Math.log(2 * Math.PI * variance));
  weights[0] = 1;
  let alive = 1;
  let logEvidence = 0;
  for (let t = 1; t < n; t += 1) {
    const value = mean(sums, t, t + 1);
    let likeliest = Number.NEGATIVE_INFINITY;
    for (let r = 0; r < alive; r += 1) {
      const start = starts[r] ?? 0;
      const k = t - start;
      const sum = (sums.of[t] ?? 0) - (sums.of[start] ?? 0);
      const expected = (prior.mean * prior.meanPrecision + prior.precision * sum) / precisionAfter(k);
      const log = -(logDeviations[k] ?? 0) - (value - expected) ** 2 / (2 * (variances[k] ?? 1));
      scaled[r] = log;
      if (log > likeliest) likeliest = log;
    }
    let total = 0;
    for (let r = 0; r < alive; r += 1) {
      const joint = (weights[r] ?? 0) * Math.exp((scaled[r] ?? 0) - likeliest);
      scaled[r] = joint;
      total += joint;
    }
    // Kats leaves the first prediction, which no change can precede, out of the evidence.
    if (t > 1) logEvidence += Math.log(total) + likeliest;
    const floor = alive < 2 * most ? negligible : Math.max(negligible, middle(scaled.subarray(0, alive)) / total);
    let kept = 0;
    for (let r = 0; r < alive; r += 1) {
      const share = (scaled[r] ?? 0) / total;
      if (share < floor) continue;
      const weight = share * (1 - prior.change);
      const start = starts[r] ?? 0;
      starts[kept] = start;
      weights[kept] = weight;
      kept += 1;
      // The series' own beginning is no change.
      if (start === 0 || weight <= (began[start] ?? 0)) continue;
      began[start] = weight;
      if (weight > THRESHOLD && passedAt[start] === -1) passedAt[start] = t;
    }
    starts[kept] = t;
    weights[kept] = prior.change;
    alive = kept + 1;
  }
  return { began, passedAt, logEvidence };
}

/**
 * Kats' empirical prior: spread of the level from the variance of the whole series, precision from the mean variance of
 * 10 in a row. Kats also takes the series' mean, but its running sums leave it out: what it computes with is 0.
 */
function empiricalPrior(values: readonly number[]): Omit<LevelPrior, "change"> | null {
  const variance = sampleVariance(values);
  let rolling = 0;
  for (let end = ROLLING; end <= values.length; end += 1) rolling += sampleVariance(values.slice(end - ROLLING, end));
  if (rolling === 0) return null;
  const precision = (values.length - ROLLING + 1) / rolling;
  return { mean: 0, meanPrecision: 1 / variance, precision };
}

/** The levels that Kats finds; null where it refuses (under 10 points) or has nothing to go by (all values equal). */
export function bocpd(values: readonly number[]): RunLengths | null {
  const base = values.length < LEAST_POINTS ? null : empiricalPrior(values);
  if (base === null) return null;
  const sums = prefixSums(values);
  let best: RunLengths | null = null;
  for (const multiplier of PRECISION_MULTIPLIERS)
    for (const change of CHANGE_PRIORS) {
      const answer = runLengths(
        sums,
        { ...base, precision: base.precision * multiplier, change },
        NEGLIGIBLE,
        MOST_ALIVE,
      );
      if (best === null || answer.logEvidence > best.logEvidence) best = answer;
    }
  return best;
}

function middle(values: Float64Array): number {
  return values.toSorted()[values.length >> 1] ?? 0;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function sampleVariance(values: readonly number[]): number {
  const centre = average(values);
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1);
}

/**
 * Kats' BOCPDetector with its defaults: a level began at i if P(it did) passes .5 at any later checkpoint (`agg_cp`, on
 * by default; without it P is read 10 checkpoints later, and ramps are missed). Kats draws 12 of its 25 combinations of
 * priors at random; here all 25 are tried. The priors are fitted to the whole series, so that even the "online" answer
 * knows the future.
 */
export const bocpdRival: Detector = {
  name: "BOCPD",
  description: "Kats: normal level, known precision, threshold .5, aggregated, priors by evidence among Kats' 25",
  find({ m }) {
    const passedAt = bocpd(m)?.passedAt ?? new Int32Array();
    const starts = [...passedAt.keys()].filter((i) => passedAt[i] !== -1);
    return eventsOfSegments(prefixSums(m), starts, (start) => passedAt[start] ?? null);
  },
};
