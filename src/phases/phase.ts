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
import { confidenceOfChange, middleOf } from "./statistics.ts";
import type { Announcement, Transition } from "./types.ts";

/** A loss that sampling and jitter explain better than this is not asserted yet. */
const LEAST_CONFIDENCE = 0.99;
/** A loss must have lasted this share of the present step: a dense log makes a dwell out of a moment. */
const LEAST_LOSS_SHARE = 0.01;
/** Checkpoints before the last one near a level that is longer ago than what is remembered, which may date its loss. */
const BEFORE_LOSS = 24;
/** A tenth of the change dates its onset. */
const LEFT = 0.1;
/** Still near the level that may be lost, in m. */
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
  const heldFrom = split.held[0]?.index ?? at.index;
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { value } of split.held) {
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
  }
  if (split.held.length === dwell) {
    split.peak = Math.max(split.peak ?? -1, lowest);
    if (split.lost) split.trough = Math.min(split.trough ?? 1, highest);
    else if (lowest >= (split.top?.level ?? -1)) split.top = { level: lowest, fromIndex: heldFrom };
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
  if (m >= (split.top?.level ?? 0) - nearness(split)) split.lastNear = at;
  if (split.lost && lasts(runs.recovered, dwell)) {
    split.lost = false;
    // The next loss begins after this recovery, even if it never came near the peak again.
    split.top = { level: lowest, fromIndex: heldFrom };
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
  const from = accuracyAt(split, split.top?.level ?? 0);
  const noise = (split.jitter * (1 - split.chance)) ** 2 / split.held.length;
  const confidence = confidenceOfChange(from, accuracyAt(split, heldMedian(split)), split.total, noise);
  if (confidence < LEAST_CONFIDENCE) return null;
  split.lost = true;
  split.trough = Math.max(...split.held.map(({ value }) => value));
  split.alarm = beginAlarm(heldMedian(split), split.held.at(-1) ?? null);
  const near = split.lastNear ?? at;
  const dated = dateLoss(split, policy) ?? near;
  const before = remembered(split).findLast(({ index }) => index < belowPeak.fromIndex) ?? near;
  const onset = dated.index < before.index ? dated : before;
  return beginTransition(split, "regression", step, onset, from, confidence);
}

/**
 * A loss is one from the highest level held, however slow the way down was: it began after the last dwell at that level,
 * or within a tenth of the fall from it. Where this is longer ago than what is remembered, it began about the last
 * checkpoint near that level.
 */
function dateLoss(split: SplitState, { dwell }: Required<Policy>): Sample | null {
  const { top, raw, past, lastNear } = split;
  const oldest = past[0] ?? raw[0];
  if (top === null || oldest === undefined) return null;
  const left = top.level - LEFT * (top.level - heldMedian(split));
  const forgotten = oldest.index > top.fromIndex;
  const from = lastDwell(raw, left, dwell) ?? (forgotten ? (lastNear?.index ?? 0) - BEFORE_LOSS : top.fromIndex);
  const since = remembered(split).filter(({ index }) => index >= from);
  return dateChange(since, top.level, split.jitter, null, top.level - nearness(split));
}

const nearness = ({ jitter }: SplitState): number => Math.max(NEAR, 2 * jitter);

/** Where the last dwell at or above a level begins, by the running median of 3. */
function lastDwell(raw: readonly Sample[], level: number, dwell: number): number | null {
  let count = 0;
  for (let i = raw.length - 2; i > 0; i -= 1) {
    const [before, at, after] = [raw[i - 1], raw[i], raw[i + 1]];
    if (before === undefined || at === undefined || after === undefined) return null;
    count = middleOf(before.value, at.value, after.value) >= level ? count + 1 : 0;
    if (count === dwell) return at.index;
  }
  return null;
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
