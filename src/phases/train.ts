import type { Policy } from "./policy.ts";
import { extend, lasts, type Run, type Sample } from "./split.ts";
import { median } from "./statistics.ts";
import type { SplitResult } from "./types.ts";

/** Train has no transition: only whether, and since when, it is fitted. Values are plain accuracies. */
export interface TrainState {
  chance: number;
  total: number;
  raw: Sample[];
  run: Run | null;
  /** First checkpoint of the first dwell at the fit. */
  fit: { step: number; index: number } | null;
  /** The log began fitted, so how long the fit took cannot be told. */
  beganFitted: boolean;
  smoothed: number;
}

/** The checkpoints that "now" means, for the median train accuracy and the fall of the norm. */
export const LATEST = 10;

export const beginTrain = (): TrainState => ({
  chance: 0,
  total: 0,
  raw: [],
  run: null,
  fit: null,
  beganFitted: false,
  smoothed: 0,
});

/** Takes in one train result. True when a run that may become the fit begins with the sample just made final. */
export function followTrain(
  train: TrainState,
  result: SplitResult,
  at: Omit<Sample, "value">,
  policy: Required<Policy>,
): boolean {
  train.total = result.total;
  train.raw = [...train.raw, { ...at, value: result.correct / result.total }].slice(-LATEST);
  const latest = train.raw.slice(-3);
  const middle = latest.length < 3 ? latest[0] : latest[1];
  if (train.raw.length < 2 || middle === undefined) return false;
  const value = latest.length < 3 ? middle.value : median(latest.map((sample) => sample.value));
  const fitted = value >= policy.trainFit;
  train.smoothed += 1;
  if (train.smoothed === 1) train.beganFitted = fitted;
  train.run = extend(train.run, fitted, middle);
  if (train.fit === null && lasts(train.run, policy.dwell)) {
    train.fit = { step: train.run.fromStep, index: train.run.fromIndex };
  }
  return train.fit === null && train.run?.count === 1;
}

/** Median train accuracy of the latest `count` checkpoints; null where train was never measured. */
export const trainLevel = (train: TrainState, count = LATEST): number | null =>
  train.raw.length === 0 ? null : median(train.raw.slice(-count).map((sample) => sample.value));
