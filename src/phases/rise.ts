import { type Alarm, beginAlarm, evidenceOf, listen, type Null } from "./alarm.ts";
import { dateChange } from "./date.ts";
import type { Policy } from "./policy.ts";
import { accuracyAt, explainedVariance, levelOf, remembered, type Sample, type SplitState } from "./split.ts";
import { confidenceOfChange, median, wilson } from "./statistics.ts";
import type { Transition } from "./types.ts";

/** Before there are so many, neither the level nor the jitter is known. */
const FEWEST = 4;
/** The least probability that the examples give to a change; jitter has its own bound, the alarm's. */
const LEAST_CONFIDENCE = 0.9;
/** The ratio of the jitter's variance to the binomial one: checkpoints that 1 weighs as much as, and the least. */
const PRIOR = 8;
const LEAST_RATIO = 1;
const HEAVY = 2;
/** A rest shorter than this share of the rise after it was none. */
const CONTINUED = 0.5;
/** What the loudest checkpoint is short of an alarm, in nats. */
const ALONE = 2;
/** Standard errors by which the level before may be off. */
const LEVEL_ERRORS = 3;

/**
 * Listens to one raw sample for a rise from the present level, and begins a generalization once the evidence is in.
 * `splits` share the policy's false alarms. Two checkpoints above the null are the least: one may be a fluke of its
 * evaluation, however many examples it has.
 */
export function followRise(split: SplitState, at: Sample, splits: number, policy: Required<Policy>): Transition | null {
  if (split.phase === "rising") return null;
  const { alarm } = split;
  if (split.level.count === 0) {
    split.level = { sum: at.value, count: 1 };
    split.alarm = beginAlarm(at.value, at);
    return null;
  }
  const threshold = policy.averageRunLength * splits;
  listen(alarm, at, clamp(accuracyAt(split, at.value)), nullOf(split, policy), Math.log(threshold) - ALONE);
  if (alarm.above < 2 || split.measured < FEWEST || evidenceOf(alarm) < threshold) return null;
  return assert(split, alarm, at, policy);
}

/**
 * The highest mean that is no event: within the floor band, or less than the least change above the level, whose own
 * error is allowed for.
 */
function nullOf(split: SplitState, policy: Required<Policy>): Null {
  const { floor, minimumChange } = policy;
  const level = before(split);
  const explained = explainedVariance(split, level);
  const variance = split.measured < FEWEST ? explained : Math.max(split.jitter ** 2, explained / 4);
  const error = LEVEL_ERRORS * Math.sqrt(variance / Math.max(1, split.level.count));
  const least = Math.max(floor, level + minimumChange + error);
  return {
    accuracy: Math.min(1 - 1e-6, Math.max(1e-6, accuracyAt(split, least))),
    examples: split.total / noiseRatio(split, level, policy),
    jitter: split.jitter,
  };
}

/**
 * The jitter's variance beside the examples' own, towards 1 while little is known. At the floor real runs have less than
 * 1, and normal tails; above it their tails are heavier than a robust estimate sees, which twice as much makes up for.
 */
function noiseRatio(split: SplitState, level: number, policy: Required<Policy>): number {
  const measured = Math.min(split.measured, 16);
  const tails = level <= policy.floor ? 1 : HEAVY;
  return Math.max(LEAST_RATIO, (measured * tails * split.noiseRatio + PRIOR) / (measured + PRIOR));
}

/** What a rise is a rise from: while a loss goes on, the lowest that the split has held. */
const before = (split: SplitState): number => (split.phase === "falling" ? (split.trough ?? 0) : levelOf(split));

function assert(split: SplitState, alarm: Alarm, at: Sample, policy: Required<Policy>): Transition | null {
  const level = before(split);
  // From just below the ceiling to above it is too small a change to be one: the level follows.
  if (level >= policy.ceiling - policy.minimumChange) return null;
  // What raised the alarm is above the level: the onset is before it.
  const still = split.raw.at(-1 - alarm.above);
  const dated = dateChange(remembered(split), level, split.jitter, alarm.calm) ?? alarm.calm;
  const onset = dated !== null && (still === undefined || dated.index < still.index) ? dated : still;
  if (onset === undefined) return null;
  if (continues(split, onset, at, policy)) {
    split.phase = "rising";
    split.plateau = null;
    return null;
  }
  const after = median(
    split.raw
      .slice(-policy.dwell)
      .filter(({ index }) => index > onset.index)
      .map(({ value }) => value),
  );
  const from = accuracyAt(split, level);
  const noise = (split.jitter * (1 - split.chance)) ** 2;
  const confidence = confidenceOfChange(from, accuracyAt(split, after), split.total, noise);
  if (confidence < LEAST_CONFIDENCE) return null;
  return beginTransition(split, "generalization", at.step, onset, from, confidence);
}

/** A climb that seemed to rest for less time than it goes on for has not ended: it is one event, told already. */
function continues(split: SplitState, onset: Sample, at: Sample, policy: Required<Policy>): boolean {
  const last = split.transitions.at(-1);
  if (last?.transition.kind !== "generalization" || last.settledIndex === null || split.phase !== "settled")
    return false;
  const rested = onset.index - last.settledIndex;
  return rested < Math.max(policy.dwell, CONTINUED * (at.index - onset.index));
}

/** Opens the split's next transition: all but where it settles is fixed here. */
export function beginTransition(
  split: SplitState,
  kind: Transition["kind"],
  step: number,
  onset: Sample,
  from: number,
  confidence: number,
): Transition {
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
    fromInterval: wilson(clamp(from), split.total),
    toInterval: null,
    confidence,
  };
  split.transitions.push({
    transition,
    onset: onset.value,
    onsetIndex: onset.index,
    settledIndex: null,
    normAtOnset: onset.norm,
    normAtSettled: null,
  });
  split.plateau = null;
  split.phase = kind === "regression" ? "falling" : "rising";
  return transition;
}

const clamp = (fraction: number): number => Math.min(1, Math.max(0, fraction));
