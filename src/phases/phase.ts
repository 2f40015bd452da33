import { beginAlarm, climbing } from "./alarm.ts";
import { dateChange } from "./date.ts";
import type { Policy } from "./policy.ts";
import { beginTransition, followRise } from "./rise.ts";
import { settle } from "./settle.ts";
import {
  accuracyAt,
  extend,
  heldMedian,
  lasts,
  levelOf,
  measureJitter,
  remembered,
  type Sample,
  type SplitState,
  setLevel,
  smooth,
  tolerance,
} from "./split.ts";
import { confidenceOfChange } from "./statistics.ts";
import type { Announcement, Transition } from "./types.ts";

/** A loss that sampling and jitter explain better than this is not asserted yet. */
const LEAST_CONFIDENCE = 0.99;
/** A loss must have lasted this share of the present step: a dense log makes a dwell out of a moment. */
const LEAST_LOSS_SHARE = 0.01;
/** Checkpoints before the last one near that level which may date the loss: earlier ones belong to what came before. */
const BEFORE_LOSS = 24;
/** Still near the level that may be lost, in m: the onset of a loss is the last such checkpoint. */
const NEAR = 0.03;

/**
 * Moves a split's phase by the raw sample just taken and by the smoothed one that it makes final. Each change is
 * asserted once, and added to `announcements`: a rise as soon as the evidence is in, a loss and a rest only when they
 * have held for the dwell.
 */
export function movePhase(
  split: SplitState,
  at: Sample,
  splits: number,
  policy: Required<Policy>,
  announcements: Announcement[],
): void {
  announce(announcements, "detected", followRise(split, at, splits, policy));
  measureJitter(split);
  const smoothed = smooth(split, policy);
  if (smoothed === null) return;
  observe(split, smoothed, policy);
  announce(announcements, "detected", followLoss(split, smoothed, at.step, policy));
  if (split.phase === "rising" || split.phase === "falling") announce(announcements, "settled", settle(split, policy));
  else rest(split, smoothed, policy);
}

function announce(announcements: Announcement[], type: Announcement["type"], transition: Transition | null): void {
  if (transition !== null) announcements.push({ type, transition: { ...transition } });
}

/** The running summaries that do not depend on what is asserted. */
function observe(split: SplitState, at: Sample, policy: Required<Policy>): void {
  const { runs } = split;
  const { ceiling, floor, dwell, lossLevel, lossShare } = policy;
  const m = at.value;
  split.held.push(at);
  if (split.held.length > dwell) split.held.shift();
  if (split.held.length === dwell) {
    let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { value } of split.held) {
      lowest = Math.min(lowest, value);
      highest = Math.max(highest, value);
    }
    split.peak = Math.max(split.peak ?? -1, lowest);
    if (split.lost) split.trough = Math.min(split.trough ?? 1, highest);
  }

  runs.ceiling = extend(runs.ceiling, m >= ceiling, at);
  runs.belowCeiling = extend(runs.belowCeiling, m < ceiling, at);
  runs.floor = extend(runs.floor, m <= floor, at);
  runs.aboveFloor = extend(runs.aboveFloor, m > floor, at);
  if (lasts(runs.ceiling, dwell)) {
    split.atCeiling = true;
    split.firstCeiling ??= { step: runs.ceiling.fromStep, index: runs.ceiling.fromIndex };
  } else if (lasts(runs.belowCeiling, dwell)) split.atCeiling = false;

  const peak = split.peak ?? 0;
  const losable = peak >= lossLevel;
  runs.belowPeak = extend(runs.belowPeak, losable && m < lossShare * peak, at);
  runs.recovered = extend(runs.recovered, losable && m >= lossShare * peak, at);
  const level = split.phase === "settled" ? Math.min(peak, levelOf(split)) : peak;
  if (m >= level - Math.max(NEAR, 2 * split.jitter)) split.lastNear = at;
  if (split.lost && lasts(runs.recovered, dwell)) {
    split.lost = false;
    // The next loss begins after this recovery, even if it never came near the peak again.
    split.lastNear = at;
  }
}

/** Begins a regression once a held level has been lost for the dwell, if the examples behind it bear it out. */
function followLoss(split: SplitState, at: Sample, step: number, policy: Required<Policy>): Transition | null {
  const { belowPeak } = split.runs;
  if (split.lost || belowPeak === null) return null;
  // With two in a row below, the running median of the later one is known already, whatever comes next.
  const threshold = policy.lossShare * (split.peak ?? 0);
  const decided = split.raw.slice(-2).every(({ value }) => value < threshold) ? 1 : 0;
  if (belowPeak.count + decided < policy.dwell) return null;
  if (step - belowPeak.fromStep < LEAST_LOSS_SHARE * step) return null;
  const from = accuracyAt(split, split.peak ?? 0);
  const noise = (split.jitter * (1 - split.chance)) ** 2 / split.held.length;
  const confidence = confidenceOfChange(from, accuracyAt(split, heldMedian(split)), split.total, noise);
  if (confidence < LEAST_CONFIDENCE) return null;
  split.lost = true;
  split.trough = Math.max(...split.held.map(({ value }) => value));
  split.alarm = beginAlarm(heldMedian(split), split.held.at(-1) ?? null);
  const peak = split.peak ?? 0;
  const level = split.phase === "settled" ? Math.min(peak, levelOf(split)) : peak;
  const near = split.lastNear ?? at;
  const since = remembered(split).filter(({ index }) => index >= near.index - BEFORE_LOSS);
  const dated = dateChange(since, level, split.jitter, null) ?? near;
  const before = since.findLast(({ index }) => index < belowPeak.fromIndex) ?? near;
  const onset = dated.index < before.index ? dated : before;
  return beginTransition(split, "regression", step, onset, from, confidence);
}

/** Between transitions: settles the first level, follows the present one, and takes small changes without an event. */
function rest(split: SplitState, at: Sample, policy: Required<Policy>): void {
  const { runs, held } = split;
  const { dwell, floor } = policy;
  const near = tolerance(split, policy);
  if (lasts(runs.floor, dwell)) {
    if (split.phase !== "floor") setLevel(split, held);
    split.phase = "floor";
  } else if (split.phase === "unsettled") {
    const values = held.map(({ value }) => value);
    const flat = values.length === dwell && Math.max(...values) - Math.min(...values) <= near;
    if (!flat && split.measured < policy.minimumCheckpoints) return;
    setLevel(split, held);
    split.phase = levelOf(split) <= floor ? "floor" : "settled";
    return;
  } else if (split.phase === "floor" && lasts(runs.aboveFloor, 2 * dwell)) {
    // Crept out of the floor band by less than an event, or by less than has been told yet: the search goes on.
    split.phase = "settled";
    return;
  }
  runs.below = extend(runs.below, split.phase === "settled" && at.value < levelOf(split) - near, at);
  if (lasts(runs.below, dwell)) {
    setLevel(split, held);
    runs.below = null;
  } else if (split.phase === "floor" ? at.value <= floor : Math.abs(at.value - levelOf(split)) <= near) {
    if (climbing(split.alarm, split.jitter)) return;
    split.level.sum += at.value;
    split.level.count += 1;
  }
}
