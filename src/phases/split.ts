import type { Policy } from "./policy.ts";
import { jitter, median } from "./statistics.ts";
import type { SplitResult, Transition } from "./types.ts";

/** One value of a series at a checkpoint: `index` counts the trajectory's checkpoints from 0. */
export interface Sample {
  step: number;
  index: number;
  value: number;
  norm: number | null;
}

/** Consecutive samples that keep to some condition; null stands for none. */
export interface Run {
  count: number;
  fromStep: number;
  fromIndex: number;
}

/** A level that the samples may have come to rest at; `strays` counts those in a row that left it. */
export interface Plateau {
  level: number;
  fromStep: number;
  count: number;
  strays: number;
}

/** A transition as the fold keeps it: with m at its onset, and the norms, which tell later whether the norm fell along. */
export interface TrackedTransition {
  transition: Transition;
  onset: number;
  normAtOnset: number | null;
  normAtSettled: number | null;
}

/**
 * What the fold knows of one split: bounded windows and running summaries, whatever the length of the trajectory.
 * Values are m, the accuracy rescaled from chance to 1. Plain data, because it is stored between appends.
 */
export interface SplitState {
  split: string;
  chance: number;
  chanceSource: "given" | "first_step" | "assumed";
  total: number;
  totalsChanged: boolean;
  measured: number;
  /** Checkpoints since the totals last changed: older ones say nothing about the level's interval. */
  sinceTotals: number;
  /** Latest raw values, for the median of 3, the level, and the jitter. */
  raw: Sample[];
  /** Latest smoothed values, a dwell of them. */
  held: Sample[];
  phase: "unsettled" | "floor" | "rising" | "settled" | "falling";
  /** Sum and count of the smoothed values at the present level. */
  level: { sum: number; count: number };
  jitter: number;
  /** Highest level ever held: the greatest minimum over a dwell. */
  peak: number | null;
  /** Lowest level since the loss: the least maximum over a dwell. */
  trough: number | null;
  lost: boolean;
  atCeiling: boolean;
  /** First checkpoint of the first dwell at the ceiling. */
  firstCeiling: { step: number; index: number } | null;
  runs: Record<RunName, Run | null>;
  /** The last sample not above the threshold of a rise, and the last one still near the peak: onsets to be. */
  lastBelow: Sample | null;
  lastNear: Sample | null;
  plateau: Plateau | null;
  /** m where train began to be fitted. */
  atFit: number | null;
  dips: { count: number; lastStep: number } | null;
  transitions: TrackedTransition[];
}

export type RunName =
  | "ceiling"
  | "belowCeiling"
  | "floor"
  | "aboveFloor"
  | "rise"
  | "below"
  | "belowPeak"
  | "recovered";

/** Enough for a robust jitter, and small enough to be stored with every append (a long dwell needs some more). */
const RAW_WINDOW = 16;

export function beginSplit(
  split: string,
  total: number,
  chance: Pick<SplitState, "chance" | "chanceSource">,
): SplitState {
  return {
    split,
    ...chance,
    total,
    totalsChanged: false,
    measured: 0,
    sinceTotals: 0,
    raw: [],
    held: [],
    phase: "unsettled",
    level: { sum: 0, count: 0 },
    jitter: 0,
    peak: null,
    trough: null,
    lost: false,
    atCeiling: false,
    firstCeiling: null,
    runs: {
      ceiling: null,
      belowCeiling: null,
      floor: null,
      aboveFloor: null,
      rise: null,
      below: null,
      belowPeak: null,
      recovered: null,
    },
    lastBelow: null,
    lastNear: null,
    plateau: null,
    atFit: null,
    dips: null,
    transitions: [],
  };
}

/**
 * Takes in one result. Returns the sample that it makes final: the running median of 3 centred on the checkpoint
 * before, since a value is smoothed only once both its neighbours are known. Null for the first result.
 */
export function smooth(
  split: SplitState,
  result: SplitResult,
  at: Omit<Sample, "value">,
  policy: Required<Policy>,
): Sample | null {
  if (result.total !== split.total) {
    split.total = result.total;
    split.totalsChanged = true;
    split.sinceTotals = 0;
  }
  split.measured += 1;
  split.sinceTotals += 1;
  const value = rescale(split, result.correct / result.total);
  split.raw = [...split.raw, { ...at, value }].slice(-Math.max(RAW_WINDOW, 3 * policy.dwell));
  const [before, middle] = split.raw.slice(-3, -1);
  if (before === undefined) return null;
  if (middle === undefined) return { ...before };
  const smoothed = { ...middle, value: median([before.value, middle.value, value]) };
  noteDip(split, middle, smoothed.value, policy);
  return smoothed;
}

/** A single evaluation far off both its neighbours is instability: counted, and no phase. */
function noteDip(split: SplitState, at: Sample, smoothed: number, policy: Required<Policy>): void {
  if (at.value >= smoothed - tolerance(split, policy)) return;
  split.dips = { count: (split.dips?.count ?? 0) + 1, lastStep: at.step };
}

export const extend = (run: Run | null, holds: boolean, at: Sample): Run | null => {
  if (!holds) return null;
  return run === null
    ? { count: 1, fromStep: at.step, fromIndex: at.index }
    : { count: run.count + 1, fromStep: run.fromStep, fromIndex: run.fromIndex };
};

export const lasts = (run: Run | null, dwell: number): run is Run => run !== null && run.count >= dwell;

/** How far a smoothed value may stray from a level and still be at it: the least change that counts, or the jitter. */
export const tolerance = (split: SplitState, policy: Required<Policy>): number =>
  Math.max(policy.minimumChange, 2 * split.jitter);

export const measureJitter = (split: SplitState): number => jitter(split.raw.map((sample) => sample.value));

export const levelOf = (split: SplitState): number => split.level.sum / Math.max(1, split.level.count);

export const setLevel = (split: SplitState, samples: readonly Sample[]): void => {
  split.level = { sum: samples.reduce((sum, sample) => sum + sample.value, 0), count: samples.length };
  split.jitter = measureJitter(split);
};

export const heldMedian = (split: SplitState): number => median(split.held.map((sample) => sample.value));

/** m = (accuracy - chance) / (1 - chance): the order parameter, 0 for a guess and 1 for no error. */
export const rescale = (split: Pick<SplitState, "chance">, accuracy: number): number =>
  (accuracy - split.chance) / (1 - split.chance);

/** The accuracy that m stands for, without the last digits, which only say that it went through m. */
export const accuracyAt = (split: Pick<SplitState, "chance">, m: number): number =>
  Math.round((split.chance + m * (1 - split.chance)) * 1e9) / 1e9;
