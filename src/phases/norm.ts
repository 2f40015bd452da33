import type { Place } from "./split.ts";
import { LATEST } from "./train.ts";
import type { Trend } from "./types.ts";

/** Running summary of the weight norm. It is evidence where present, never a condition of a transition. */
export interface NormState {
  latest: { index: number; norm: number }[];
  peak: { step: number; norm: number } | null;
  /** Highest since train began to be fitted. */
  peakSinceFit: number | null;
}

/** A fall over the latest checkpoints, and from the peak since fit, that counts as the weights reorganising. */
const FALL_LATELY = 0.01;
const FALL_FROM_PEAK = 0.02;

export const beginNorm = (): NormState => ({ latest: [], peak: null, peakSinceFit: null });

export function followNorm(norm: NormState, { step, index }: Place, value: number): void {
  norm.latest.push({ index, norm: value });
  if (norm.latest.length > LATEST) norm.latest.shift();
  if (norm.peak === null || value > norm.peak.norm) norm.peak = { step, norm: value };
  if (norm.peakSinceFit !== null) norm.peakSinceFit = Math.max(norm.peakSinceFit, value);
}

/** Counts the peak from the checkpoint whose norm is `from`: called where a fit may have begun. */
export const restartPeak = (norm: NormState, from: number | null): void => {
  norm.peakSinceFit = Math.max(from ?? 0, norm.latest.at(-1)?.norm ?? 0);
};

/** Relative change over the latest 10 checkpoints, negative for a fall. */
function change(norm: NormState): number {
  const first = norm.latest[0]?.norm;
  const last = norm.latest.at(-1)?.norm;
  return first === undefined || last === undefined || first === 0 ? 0 : (last - first) / first;
}

export function trendOf(norm: NormState): Trend {
  const relative = change(norm);
  if (relative <= -FALL_LATELY) return "falling";
  return relative >= FALL_LATELY ? "rising" : "flat";
}

/**
 * Down by 1% or more over the latest 10 checkpoints and by 2% or more from the peak since the fit. Norms that are logged
 * more rarely than every other checkpoint, or no longer, say nothing about the latest ones.
 */
export function reorganising(norm: NormState, checkpoints: number): boolean {
  const [first] = norm.latest;
  const last = norm.latest.at(-1);
  if (first === undefined || last === undefined || norm.peakSinceFit === null) return false;
  if (norm.latest.length < LATEST || checkpoints - first.index > 2 * LATEST) return false;
  return trendOf(norm) === "falling" && last.norm <= (1 - FALL_FROM_PEAK) * norm.peakSinceFit;
}

/** The norm fell by at least 1% from one checkpoint to another. */
export const fell = (before: number | null, after: number | null): boolean =>
  before !== null && after !== null && after <= (1 - FALL_LATELY) * before;
