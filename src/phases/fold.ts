import { TrajectoryError } from "./error.ts";
import { beginNorm, followNorm, type NormState, restartPeak } from "./norm.ts";
import { movePhase } from "./phase.ts";
import { checkPoint } from "./points.ts";
import { type Policy, resolvePolicy } from "./policy.ts";
import { beginSplit, type Place, type SplitState, take } from "./split.ts";
import { followStructure, type StructureState } from "./structure.ts";
import { beginTrain, followTrain, type TrainState } from "./train.ts";
import type { Announcement, JudgeOptions, Point, SplitResult } from "./types.ts";

/** All that the verdict needs of the points so far: plain JSON, which grows with the transitions and not with the points. */
export interface FoldState {
  policy: Required<Policy>;
  chance: Record<string, number>;
  checkpoints: number;
  lastStep: number | null;
  train: TrainState;
  norm: NormState;
  /** Absent until layers are measured: most trajectories have none. */
  structure?: StructureState;
  splits: Record<string, SplitState>;
  splitCount: number;
}

/** The state before the first point. Throws `TrajectoryError` (`invalid_options`). */
export function begin(options: JudgeOptions): FoldState {
  const chance = { ...options.chance };
  for (const [split, value] of Object.entries(chance)) {
    if (!(value >= 0 && value < 1)) {
      throw new TrajectoryError("invalid_options", `chance of ${split} must be in [0, 1), got ${value}`, { split });
    }
  }
  return {
    policy: resolvePolicy(options.policy),
    chance,
    checkpoints: 0,
    lastStep: null,
    train: beginTrain(),
    norm: beginNorm(),
    splits: {},
    splitCount: 0,
  };
}

/**
 * Folds in one point, which must be later than all before it, and says what it is the first to assert. The state given
 * is left alone. Throws `TrajectoryError` for a point that cannot be judged.
 */
export function append(state: FoldState, point: Point): { state: FoldState; announcements: Announcement[] } {
  checkPoint(point);
  const { step } = point;
  if (state.lastStep !== null && step <= state.lastStep) {
    throw new TrajectoryError("step_order", `step ${step} is not above the last one, ${state.lastStep}`, { step });
  }
  const next = structuredClone(state);
  return { state: next, announcements: advance(next, point) };
}

/** `append` without checks and without the copy: for a state that nobody else holds. */
export function advance(state: FoldState, point: Point): Announcement[] {
  const { policy, train, norm } = state;
  const at: Place = { step: point.step, index: state.checkpoints, norm: point.weightNorm ?? null };
  state.checkpoints += 1;
  state.lastStep = point.step;
  if (at.norm !== null) followNorm(norm, at, at.norm);
  if (point.layers !== undefined) {
    const structure = followStructure(state.structure, at.step, point.layers);
    if (structure !== undefined) state.structure = structure;
  }

  const trained = point.splits["train"];
  if (trained !== undefined && train.raw.length === 0) {
    train.chance = chanceOf(state, "train", trained, trained).chance;
  }
  const fitMayBegin = trained !== undefined && followTrain(train, trained, at, policy);
  const announcements: Announcement[] = [];
  for (const name of namesOf(point)) {
    const result = point.splits[name];
    if (result === undefined) continue;
    let split = state.splits[name];
    if (split === undefined) {
      split = beginSplit(name, result.total, chanceOf(state, name, result, trained));
      state.splits[name] = split;
      state.splitCount += 1;
    }
    movePhase(split, take(split, result, at, policy), state.splitCount, policy, announcements);
  }
  if (fitMayBegin) {
    restartPeak(norm, train.raw.at(-2)?.norm ?? null);
    for (const split of Object.values(state.splits)) split.atFit = split.held.at(-1)?.value ?? null;
  }
  return announcements;
}

/** The point's splits but train, by name: announcements of one point come in one order however it was written. */
function namesOf(point: Point): string[] {
  const names: string[] = [];
  for (const name in point.splits) if (name !== "train") names.push(name);
  return names.length > 1 ? names.sort() : names;
}

/** As given; else what the split scored at its first step, if train was still unfitted there too; else 0. */
function chanceOf(
  state: FoldState,
  split: string,
  first: SplitResult,
  train: SplitResult | undefined,
): Pick<SplitState, "chance" | "chanceSource"> {
  const given = state.chance[split];
  if (given !== undefined) return { chance: given, chanceSource: "given" };
  const unfitted = train !== undefined && train.correct / train.total < state.policy.underfit;
  const guess = first.correct / first.total;
  return unfitted && guess < 1 ? { chance: guess, chanceSource: "first_step" } : { chance: 0, chanceSource: "assumed" };
}
