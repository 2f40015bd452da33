import type { Policy } from "./policy.ts";
import { settle } from "./settle.ts";
import {
  accuracyAt,
  extend,
  heldMedian,
  lasts,
  levelOf,
  measureJitter,
  type Sample,
  type SplitState,
  setLevel,
  tolerance,
} from "./split.ts";
import { confidenceOfChange, median } from "./statistics.ts";
import type { Announcement, Transition, TransitionKind } from "./types.ts";

/** A change that sampling and jitter explain better than this is not asserted yet. */
const LEAST_CONFIDENCE = 0.95;
/** A loss must have lasted this share of the present step: a dense log makes a dwell out of a moment. */
const LEAST_LOSS_SHARE = 0.01;
/** Still near the peak, for the onset of a loss: a tenth of the fall, which is taken to go to 0. */
const NEAR_PEAK = 0.9;

/**
 * Moves a split's phase by one smoothed sample; `step` is the checkpoint whose arrival made it final. Each change is
 * asserted only once it has held for the dwell, and asserted once.
 */
export function movePhase(split: SplitState, at: Sample, step: number, policy: Required<Policy>): Announcement[] {
  observe(split, at, policy);
  const { runs } = split;
  const { dwell } = policy;
  const announcements: Announcement[] = [];
  const announce = (type: Announcement["type"], transition: Transition | null) => {
    if (transition !== null) announcements.push({ type, transition: { ...transition } });
  };

  if (!split.lost && lasts(runs.belowPeak, dwell) && step - runs.belowPeak.fromStep >= LEAST_LOSS_SHARE * step) {
    announce("detected", open(split, "regression", step, split.lastNear ?? at, split.peak ?? 0));
  } else if (lasts(runs.rise, dwell) && crosses(split, policy)) {
    const before = split.phase === "falling" ? (split.trough ?? 0) : levelOf(split);
    announce("detected", open(split, "generalization", step, split.lastBelow ?? at, before));
  }
  if (split.phase === "rising" || split.phase === "falling") announce("settled", settle(split, policy));
  else rest(split, at, policy);
  return announcements;
}

/** The running summaries that do not depend on what is asserted. */
function observe(split: SplitState, at: Sample, policy: Required<Policy>): void {
  const { runs } = split;
  const { ceiling, floor, dwell, lossLevel, lossShare, minimumChange } = policy;
  const m = at.value;
  if (split.level.count === 0) split.level = { sum: m, count: 1 };
  split.held = [...split.held, at].slice(-dwell);
  if (split.held.length === dwell) {
    const values = split.held.map((sample) => sample.value);
    split.peak = Math.max(split.peak ?? -1, Math.min(...values));
    if (split.lost) split.trough = Math.min(split.trough ?? 1, Math.max(...values));
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
  if (m >= NEAR_PEAK * peak) split.lastNear = at;
  if (split.lost && lasts(runs.recovered, dwell)) {
    split.lost = false;
    // The next loss begins after this recovery, even if it never came near the peak again.
    split.lastNear = at;
  }

  // Nothing inside the floor band is an event, and nothing smaller than the least change (or than the jitter).
  const fromTrough = (split.trough ?? 0) + minimumChange;
  const fromLevel = levelOf(split) + tolerance(split, policy);
  const threshold = Math.max(floor, split.phase === "falling" ? fromTrough : fromLevel);
  runs.rise = extend(runs.rise, split.phase !== "rising" && m > threshold, at);
  if (split.phase !== "rising" && m <= threshold) split.lastBelow = at;
}

/**
 * A rise that is a crossing. Between floor and ceiling a level may also creep, over hundreds of checkpoints: that is
 * one event once it arrives at the ceiling (or speeds up), not one for every small change on the way.
 */
function crosses(split: SplitState, policy: Required<Policy>): boolean {
  if (split.phase !== "settled") return true;
  // From just below the ceiling to above it is too small a change to be one.
  if (levelOf(split) >= policy.ceiling - policy.minimumChange) return false;
  if (split.atCeiling) return true;
  const earlier = median(split.raw.slice(0, policy.dwell).map((sample) => sample.value));
  return heldMedian(split) - earlier >= tolerance(split, policy);
}

/** Begins a transition, if the examples behind it bear it out. */
function open(split: SplitState, kind: TransitionKind, step: number, onset: Sample, before: number): Transition | null {
  const from = accuracyAt(split, before);
  const noise = (measureJitter(split) * (1 - split.chance)) ** 2 / Math.max(1, split.held.length);
  const confidence = confidenceOfChange(from, accuracyAt(split, heldMedian(split)), split.total, noise);
  if (confidence < LEAST_CONFIDENCE) return null;
  const ordinal = split.transitions.filter(({ transition }) => transition.kind === kind).length + 1;
  const transition: Transition = {
    kind,
    split: split.split,
    ordinal,
    onsetStep: onset.step,
    settledStep: null,
    detectedAtStep: step,
    from,
    to: null,
    confidence,
  };
  split.transitions.push({ transition, onset: onset.value, normAtOnset: onset.norm, normAtSettled: null });
  split.plateau = null;
  split.runs.rise = null;
  if (kind === "regression") {
    split.lost = true;
    split.trough = Math.max(...split.held.map((sample) => sample.value));
    split.lastBelow = split.held.at(-1) ?? null;
  }
  split.phase = kind === "regression" ? "falling" : "rising";
  return transition;
}

/** Between transitions: settles the first level, follows the present one, and takes small losses without an event. */
function rest(split: SplitState, at: Sample, policy: Required<Policy>): void {
  const { runs } = split;
  const { dwell, floor } = policy;
  const values = split.held.map((sample) => sample.value);
  const near = tolerance(split, policy);
  if (lasts(runs.floor, dwell)) {
    if (split.phase !== "floor") setLevel(split, split.held);
    split.phase = "floor";
  } else if (split.phase === "unsettled") {
    const flat = values.length === dwell && Math.max(...values) - Math.min(...values) <= near;
    if (!flat && split.measured < policy.minimumCheckpoints) return;
    setLevel(split, split.held);
    split.phase = "settled";
    return;
  } else if (split.phase === "floor" && lasts(runs.aboveFloor, 2 * dwell)) {
    // Crept out of the floor band by less than an event.
    setLevel(split, split.held);
    split.phase = "settled";
    return;
  }
  if (split.atCeiling && lasts(runs.rise, dwell)) setLevel(split, split.held);
  runs.below = extend(runs.below, split.phase === "settled" && at.value < levelOf(split) - near, at);
  if (lasts(runs.below, dwell)) {
    setLevel(split, split.held);
    runs.below = null;
  } else if (split.phase === "floor" ? at.value <= floor : Math.abs(at.value - levelOf(split)) <= near) {
    split.level = { sum: split.level.sum + at.value, count: split.level.count + 1 };
    split.jitter = measureJitter(split);
  }
}
