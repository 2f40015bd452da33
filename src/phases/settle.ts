import type { Policy } from "./policy.ts";
import {
  accuracyAt,
  explainedVariance,
  heldMedian,
  lasts,
  type Plateau,
  type Sample,
  type SplitState,
  setLevel,
  type TrackedTransition,
} from "./split.ts";
import { median, wilson } from "./statistics.ts";
import type { Transition } from "./types.ts";

/** Dwells between the first and the latest of a plateau whose level jitters about the ceiling. */
const PATIENCE = 2;
/** Dwells that are a long time: after it a slope that cannot be told from none is taken for none. */
const LONG = 4;
/** A level that jitters by more than this, in m, and by more than its examples explain, is none. */
const WIDEST = 0.1;
/** Standard errors that a slope must exceed to be told from none. */
const SLOPE_ERRORS = 2;

/** Ends the open transition once a level holds: at once at floor or ceiling, once it no longer moves in between. */
export function settle(split: SplitState, policy: Required<Policy>): Transition | null {
  const open = split.transitions.at(-1);
  if (open === undefined) return null;
  split.plateau = followPlateau(split, policy);
  const { runs, plateau } = split;
  const resting = plateau !== null && rests(plateau, split, open, policy) ? plateau : null;
  const run = [runs.ceiling, runs.floor].find((candidate) => lasts(candidate, policy.dwell));
  const from = run ?? resting;
  if (!from) return null;

  setLevel(split, split.held);
  split.phase = lasts(runs.floor, policy.dwell) ? "floor" : "settled";
  split.plateau = null;
  // A level that was within reach all the time is settled with the first checkpoint after the onset.
  const settled = from.fromIndex > open.onsetIndex ? null : split.raw.find(({ index }) => index > open.onsetIndex);
  open.settledIndex = settled?.index ?? from.fromIndex;
  // A climb that went on after its rest was told: what was told stays.
  if (open.transition.settledStep !== null) return null;
  open.transition.settledStep = settled?.step ?? from.fromStep;
  const level = accuracyAt(split, heldMedian(split));
  open.transition.to = level;
  open.transition.toInterval = wilson(Math.min(1, Math.max(0, level)), split.total);
  open.normAtSettled = split.held.at(-1)?.norm ?? null;
  return open.transition;
}

/**
 * A slow climb also stays within a small change for a while. So a level between floor and ceiling has been kept for
 * half the time that the rise took, and at its present slope, if that can be told from none, the split would not gain
 * another event in as many checkpoints as have passed since the onset (or in a long time, if more have).
 */
function rests(plateau: Plateau, split: SplitState, open: TrackedTransition, policy: Required<Policy>): boolean {
  const last = split.held.at(-1);
  if (last === undefined) return false;
  const rising = plateau.fromIndex - open.onsetIndex;
  if (plateau.count < 0.5 * rising) return false;
  const highest = Math.max(...split.held.map(({ value }) => value));
  if (highest >= policy.ceiling && plateau.count < PATIENCE * policy.dwell) return false;
  const { slope, error } = slopeOf(split.raw.slice(-plateau.count), split.jitter);
  const passed = Math.min(LONG * policy.dwell, last.index - open.onsetIndex);
  if ((slope + SLOPE_ERRORS * error) * passed < policy.minimumChange) return true;
  if (plateau.count < LONG * policy.dwell) return false;
  return slope <= SLOPE_ERRORS * error || slope * passed < policy.minimumChange;
}

/** Change of m a checkpoint, without its sign: between the medians of the two halves, which single dips do not move. */
function slopeOf(samples: readonly Sample[], jitter: number): { slope: number; error: number } {
  const half = Math.floor(samples.length / 2);
  const middle = (part: readonly Sample[]) => median(part.map(({ value }) => value));
  const distance = Math.max(1, samples.length - half);
  const slope = Math.abs(middle(samples.slice(-half)) - middle(samples.slice(0, half))) / distance;
  // The error of a median is 1.25 of a mean's (for normal jitter), and there are two of them.
  return { slope, error: (1.25 * jitter * Math.sqrt(2 / Math.max(1, half))) / distance };
}

/** The plateau that the latest samples extend or begin; null while they are neither flat nor near the last one. */
function followPlateau(split: SplitState, policy: Required<Policy>): Plateau | null {
  const { plateau, held } = split;
  const [first] = held;
  const last = held.at(-1);
  if (first === undefined || last === undefined || held.length < policy.dwell) return null;
  const explained = 2 * Math.sqrt(explainedVariance(split, last.value));
  const near = Math.min(Math.max(WIDEST, explained), Math.max(policy.minimumChange, 2 * split.jitter));
  if (plateau !== null) {
    const strays = Math.abs(last.value - plateau.level) > near ? plateau.strays + 1 : 0;
    if (strays < 2 && Math.abs(heldMedian(split) - plateau.level) <= near) {
      return { ...plateau, count: plateau.count + 1, strays };
    }
  }
  const values = held.map(({ value }) => value);
  if (Math.max(...values) - Math.min(...values) > near) return null;
  return {
    level: heldMedian(split),
    fromStep: first.step,
    fromIndex: first.index,
    count: values.length,
    strays: 0,
  };
}
