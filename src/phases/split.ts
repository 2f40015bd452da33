import { type Alarm, beginAlarm } from "./alarm.ts";
import type { Weighted } from "./date.ts";
import type { Policy } from "./policy.ts";
import { binomialVariance, jitter, median, middleOf } from "./statistics.ts";
import type { SplitResult, Transition } from "./types.ts";

/** A checkpoint: `index` counts the trajectory's checkpoints from 0. */
export interface Place {
  step: number;
  index: number;
  norm: number | null;
}

/** One value of a series at a checkpoint. */
export interface Sample extends Place {
  value: number;
}

// Written out, because this is done for every point, and spreading an object costs more than all else together.
export const sampleAt = ({ step, index, norm }: Place, value: number): Sample => ({ step, index, norm, value });

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
  fromIndex: number;
  count: number;
  strays: number;
}

/** A transition as the fold keeps it: with m at its onset, and the norms, which tell later whether the norm fell along. */
export interface TrackedTransition {
  transition: Transition;
  onset: number;
  onsetIndex: number;
  settledIndex: number | null;
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
  /** Means of the values before those, a few checkpoints each: enough to date a slow climb. */
  past: Sample[];
  /** Latest smoothed values, a dwell of them. */
  held: Sample[];
  phase: "unsettled" | "floor" | "rising" | "settled" | "falling";
  /** Sum and count of the smoothed values at the present level. */
  level: { sum: number; count: number };
  jitter: number;
  /** Variance of the jitter as a multiple of what independent draws of the examples would have where it was measured. */
  noiseRatio: number;
  /** Highest level ever held: the greatest minimum over a dwell. */
  peak: number | null;
  /** The highest level held since the last loss was made good, and the first checkpoint of the latest dwell at it. */
  top: { level: number; fromIndex: number } | null;
  /** Lowest level since the loss: the least maximum over a dwell. */
  trough: number | null;
  lost: boolean;
  atCeiling: boolean;
  /** First checkpoint of the first dwell at the ceiling. */
  firstCeiling: { step: number; index: number } | null;
  runs: Record<RunName, Run | null>;
  /** The search for a rise from the present level; it rests while one goes on. */
  alarm: Alarm;
  /** The last sample still near the top: what dates a loss where the top is longer ago than what is remembered. */
  lastNear: Sample | null;
  plateau: Plateau | null;
  /** m where train began to be fitted. */
  atFit: number | null;
  dips: { count: number; lastStep: number } | null;
  transitions: TrackedTransition[];
}

export type RunName = "ceiling" | "belowCeiling" | "floor" | "aboveFloor" | "below" | "belowPeak" | "recovered";

/** Enough to tell a slow climb from rest, and small enough to be stored with every append. */
const RAW_WINDOW = 32;
/** Older values are kept as means of so many, this many means. */
const BLOCK = 4;
const PAST_WINDOW = 32;
/** The latest values that tell the jitter, and how often it is measured: sorting them is most of an append's work. */
const JITTER_WINDOW = 16;
const JITTER_EVERY = 4;

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
    past: [],
    held: [],
    phase: "unsettled",
    level: { sum: 0, count: 0 },
    jitter: 0,
    noiseRatio: 0,
    peak: null,
    top: null,
    trough: null,
    lost: false,
    atCeiling: false,
    firstCeiling: null,
    runs: {
      ceiling: null,
      belowCeiling: null,
      floor: null,
      aboveFloor: null,
      below: null,
      belowPeak: null,
      recovered: null,
    },
    alarm: beginAlarm(0, null),
    lastNear: null,
    plateau: null,
    atFit: null,
    dips: null,
    transitions: [],
  };
}

/** Takes in one result, as a raw sample of m. */
export function take(split: SplitState, result: SplitResult, at: Place, policy: Required<Policy>): Sample {
  if (result.total !== split.total) {
    split.total = result.total;
    split.totalsChanged = true;
    split.sinceTotals = 0;
  }
  split.measured += 1;
  split.sinceTotals += 1;
  const sample = sampleAt(at, rescale(split, result.correct / result.total));
  split.raw.push(sample);
  if (split.raw.length > Math.max(RAW_WINDOW, 3 * policy.dwell) + BLOCK) forget(split);
  return sample;
}

/** Measures the jitter anew, now and then: after a sample was held against the noise of those before it. */
export function measureJitter(split: SplitState): void {
  if (split.measured % JITTER_EVERY !== 0 && split.measured >= JITTER_WINDOW) return;
  const values: number[] = [];
  let sum = 0;
  for (let i = Math.max(0, split.raw.length - JITTER_WINDOW); i < split.raw.length; i += 1) {
    const value = split.raw[i]?.value ?? 0;
    values.push(value);
    sum += value;
  }
  split.jitter = jitter(values);
  split.noiseRatio = split.jitter ** 2 / explainedVariance(split, sum / values.length);
}

/** Variance of m that the examples explain. */
export const explainedVariance = (split: SplitState, m: number): number =>
  binomialVariance(Math.min(1, Math.max(0, accuracyAt(split, m))), split.total) / (1 - split.chance) ** 2;

/** Turns the oldest values into their mean. */
function forget(split: SplitState): void {
  const { raw, past } = split;
  const last = raw[BLOCK - 1];
  if (last === undefined) return;
  let sum = 0;
  for (let i = 0; i < BLOCK; i += 1) sum += raw[i]?.value ?? 0;
  past.push(sampleAt(last, sum / BLOCK));
  if (past.length > PAST_WINDOW) past.shift();
  raw.splice(0, BLOCK);
}

/** All that is remembered of the raw values since the last transition settled, oldest first. */
export function remembered(split: SplitState): Weighted[] {
  const last = split.transitions.at(-1);
  const since = last === undefined ? -1 : (last.settledIndex ?? last.onsetIndex);
  const all = [
    ...split.past.map((sample) => ({ ...sample, weight: BLOCK })),
    ...split.raw.map((sample) => ({ ...sample, weight: 1 })),
  ];
  return all.filter(({ index, weight }) => index - weight >= since);
}

/**
 * The sample that the latest result makes final: the running median of 3 centred on the checkpoint before, since a
 * value is smoothed only once both its neighbours are known. Null after the first result.
 */
export function smooth(split: SplitState, policy: Required<Policy>): Sample | null {
  const count = split.raw.length;
  const [before, middle, after] = [split.raw[count - 3], split.raw[count - 2], split.raw[count - 1]];
  if (middle === undefined || after === undefined) return null;
  if (before === undefined) return middle;
  const smoothed = sampleAt(middle, middleOf(before.value, middle.value, after.value));
  noteDip(split, middle, smoothed.value, policy);
  return smoothed;
}

/** A single evaluation far off both its neighbours is instability: counted, and no phase. */
function noteDip(split: SplitState, at: Sample, smoothed: number, policy: Required<Policy>): void {
  if (at.value >= smoothed - tolerance(split, policy)) return;
  split.dips = { count: (split.dips?.count ?? 0) + 1, lastStep: at.step };
}

/** The run, one sample longer (in place) or begun; null where the sample ends it. */
export const extend = (run: Run | null, holds: boolean, at: Sample): Run | null => {
  if (!holds) return null;
  if (run === null) return { count: 1, fromStep: at.step, fromIndex: at.index };
  run.count += 1;
  return run;
};

export const lasts = (run: Run | null, dwell: number): run is Run => run !== null && run.count >= dwell;

/** How far a smoothed value may stray from a level and still be at it: the least change that counts, or the jitter. */
export const tolerance = (split: SplitState, policy: Required<Policy>): number =>
  Math.max(policy.minimumChange, 2 * split.jitter);

export const levelOf = (split: SplitState): number => split.level.sum / Math.max(1, split.level.count);

/** The level begins anew with these samples, and with it the search for a rise from it. */
export const setLevel = (split: SplitState, samples: readonly Sample[]): void => {
  split.level = { sum: samples.reduce((sum, sample) => sum + sample.value, 0), count: samples.length };
  split.alarm = beginAlarm(levelOf(split), samples.at(-1) ?? null);
};

export const heldMedian = (split: SplitState): number => median(split.held.map((sample) => sample.value));

/** m = (accuracy - chance) / (1 - chance): the order parameter, 0 for a guess and 1 for no error. */
export const rescale = (split: Pick<SplitState, "chance">, accuracy: number): number =>
  (accuracy - split.chance) / (1 - split.chance);

/** The accuracy that m stands for, without the last digits, which only say that it went through m. */
export const accuracyAt = (split: Pick<SplitState, "chance">, m: number): number =>
  Math.round((split.chance + m * (1 - split.chance)) * 1e9) / 1e9;
