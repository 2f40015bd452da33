import type { Policy } from "./policy.ts";
import {
  accuracyAt,
  heldMedian,
  lasts,
  measureJitter,
  type Plateau,
  type SplitState,
  setLevel,
  type TrackedTransition,
} from "./split.ts";
import type { Transition } from "./types.ts";

/** Dwells between the first and the latest of a plateau, and the share of an event that it may drift meanwhile. */
const PATIENCE = 2;
const FLAT = 0.25;
/** The share of a jump's slope that is rest. */
const STILL = 0.1;

/** Ends the open transition once a level holds: at once at floor or ceiling, after some patience in between. */
export function settle(split: SplitState, policy: Required<Policy>): Transition | null {
  const open = split.transitions.at(-1);
  if (open === undefined) return null;
  split.plateau = followPlateau(split, policy);
  const { runs, plateau } = split;
  const resting = plateau !== null && rests(plateau, split, open, policy) ? plateau : null;
  const run = [runs.ceiling, runs.floor].find((candidate) => lasts(candidate, policy.dwell));
  const fromStep = run?.fromStep ?? resting?.fromStep;
  if (fromStep === undefined) return null;

  setLevel(split, split.held);
  split.phase = lasts(runs.floor, policy.dwell) ? "floor" : "settled";
  split.lastBelow = split.held.at(-1) ?? null;
  split.plateau = null;
  open.transition.settledStep = Math.max(fromStep, open.transition.onsetStep);
  open.transition.to = accuracyAt(split, heldMedian(split));
  open.normAtSettled = split.held.at(-1)?.norm ?? null;
  return open.transition;
}

/**
 * A slow climb also stays within a small change for a while, so between floor and ceiling the level must have kept flat
 * for longer than a dwell, or have come to rest from a jump: the dwell's slope a small share of the jump's.
 */
function rests(plateau: Plateau, split: SplitState, open: TrackedTransition, policy: Required<Policy>): boolean {
  const last = split.held.at(-1);
  if (last === undefined) return false;
  const [rising, resting] = [plateau.fromStep - open.transition.onsetStep, last.step - plateau.fromStep];
  if (resting < 0.5 * rising) return false;
  if (plateau.count >= PATIENCE * policy.dwell) return true;
  const values = split.held.map((sample) => sample.value);
  const highest = Math.max(...values);
  // Jitter about the ceiling is a crossing not yet over.
  if (highest >= policy.ceiling || highest - Math.min(...values) > policy.minimumChange) return false;
  const first = split.held[0] ?? last;
  const drift = Math.abs(last.value - first.value) / Math.max(1, last.step - first.step);
  return drift <= (STILL * Math.abs(plateau.level - open.onset)) / Math.max(1, rising);
}

/** The plateau that the latest samples extend or begin; null while they are neither flat nor near the last one. */
function followPlateau(split: SplitState, policy: Required<Policy>): Plateau | null {
  const values = split.held.map((sample) => sample.value);
  const noise = measureJitter(split);
  const near = Math.max(policy.minimumChange, 2 * noise);
  const { plateau } = split;
  if (plateau !== null) {
    const strays = Math.abs((values.at(-1) ?? 0) - plateau.level) > near ? plateau.strays + 1 : 0;
    const drift = Math.abs(heldMedian(split) - plateau.level);
    const drifts = drift > Math.max(FLAT * policy.minimumChange, noise);
    const late = plateau.count + 1 >= PATIENCE * policy.dwell;
    if (strays < policy.dwell && !(late && drifts)) return { ...plateau, count: plateau.count + 1, strays };
  }
  const [first] = split.held;
  const flat = Math.max(...values) - Math.min(...values) <= near;
  if (first === undefined || values.length < policy.dwell || !flat) return null;
  return { level: heldMedian(split), fromStep: first.step, count: values.length, strays: 0 };
}
