import type { Policy } from "./policy.ts";
import { extend, lasts, type Place, type Run, type Sample, sampleAt } from "./split.ts";
import { median, middleOf } from "./statistics.ts";
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
export function followTrain(train: TrainState, result: SplitResult, at: Place, policy: Required<Policy>): boolean {
  train.total = result.total;
  train.raw.push(sampleAt(at, result.correct / result.total));
  if (train.raw.length > LATEST) train.raw.shift();
  const count = train.raw.length;
  const [before, middle, after] = [train.raw[count - 3], train.raw[count - 2], train.raw[count - 1]];
  if (middle === undefined || after === undefined) return false;
  const value = before === undefined ? middle.value : middleOf(before.value, middle.value, after.value);
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
