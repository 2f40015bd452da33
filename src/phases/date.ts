import type { Sample } from "./split.ts";

/** Lengths of a ramp that are tried, in checkpoints: from a jump to one that still goes on. */
const RAMPS = [1, 2, 4, 8, 16, 32, 64, 128] as const;
/** Checkpoints that the level known before weighs as much as. */
const PRIOR = 3;
/** Checkpoints before the first possible beginning that tell the level there: a plateau may have drifted meanwhile. */
const BEFORE = 16;
/** Residuals beyond so many standard deviations of the jitter, or this share of the change, count no more: dips. */
const OUTLIER = 3;
const OUTLIER_SHARE = 0.3;
/** How much steeper, beyond so many standard deviations of the jitter, tells a rise that gathers pace. */
const STEEPER = 1.5;
const TOLD = 6;
/** Above the beginning by this, in m, such a rise has left the level before: a tenth of a rise by half. */
const LIFT = 0.06;

/** A sample that stands for `weight` checkpoints, the last of which is its own. */
export interface Weighted extends Sample {
  weight: number;
}

/**
 * Dates a change that is known to have happened in these samples: least squares, with bounded residuals, of a level, a
 * ramp and a level, over where the ramp begins and how long it takes. Returns the last sample that is within a tenth of
 * the change from the level before; null where the change began before the samples. `calm` is a first guess: the change
 * began after it, or at most as long before it as has passed since. The level before is no lower than `lowest`.
 */
export function dateChange(
  all: readonly Weighted[],
  level: number,
  jitter: number,
  calm: Sample | null,
  lowest = Number.NEGATIVE_INFINITY,
): Sample | null {
  const end = all.at(-1)?.index ?? 0;
  const earliest = calm === null ? 0 : 2 * calm.index - end;
  const samples = all.filter(({ index }) => index >= earliest - BEFORE);
  const latest = samples.slice(-2).map(({ value }) => Math.abs(value - level));
  const bound = Math.max(OUTLIER * jitter, OUTLIER_SHARE * Math.max(...latest)) ** 2;
  let best = { loss: Number.POSITIVE_INFINITY, at: 0, ramp: 1 };
  let [sum, weight] = [PRIOR * level, PRIOR];
  for (const [at, sample] of samples.entries()) {
    if (sample.index >= end) break;
    sum += sample.weight * sample.value;
    weight += sample.weight;
    if (sample.index < earliest) continue;
    for (const ramp of RAMPS) {
      const loss = misfit(samples, sample.index, ramp, Math.max(lowest, sum / weight), bound);
      // Of two that fit as well, the shorter ramp, which comes first.
      if (loss < best.loss - 1e-12) best = { loss, at, ramp };
      if (sample.index + ramp >= end) break;
    }
  }
  if (best.at === 0) return null;
  const start = samples[best.at]?.index ?? 0;
  const gathering = datePace(samples.slice(best.at), jitter);
  if (gathering !== null) return gathering;
  // A ramp that still goes on is taken to be half over.
  const onset = start + Math.ceil(0.1 * Math.min(best.ramp, 2 * (end - start))) - 1;
  return samples.findLast(({ index }) => index <= onset) ?? null;
}

/**
 * Crossings of real runs begin slowly and gather pace, so that a straight ramp dates them early. Where the second half of
 * what has been seen is steeper than the first by more than the jitter explains, the onset is the last sample within the
 * least change of the beginning. Null where the way up is straight, or too short to tell.
 */
function datePace(change: readonly Weighted[], jitter: number): Sample | null {
  const [first, ...rest] = change;
  const last = rest.at(-1);
  const middle = rest[Math.floor(rest.length / 2) - 1];
  if (first === undefined || middle === undefined || last === undefined || rest.length < 4) return null;
  const early = (middle.value - first.value) / (middle.index - first.index);
  const straight = middle.value + STEEPER * early * (last.index - middle.index);
  if (early < 0 || last.value - straight <= TOLD * jitter) return null;
  const lift = Math.min(LIFT, (last.value - first.value) / 2);
  return change.findLast(({ value }) => value <= first.value + lift) ?? null;
}

/** Squared residuals of a ramp from `from` after checkpoint `onset`; its height is the least squares one. */
function misfit(samples: readonly Weighted[], onset: number, ramp: number, from: number, bound: number): number {
  let [cross, square] = [0, 0];
  for (const { index, value, weight } of samples) {
    if (index <= onset) continue;
    const share = Math.min(1, (index - onset - (weight - 1) / 2) / ramp);
    cross += weight * share * (value - from);
    square += weight * share * share;
  }
  const rise = cross / square;
  let loss = 0;
  for (const { index, value, weight } of samples) {
    const share = index <= onset ? 0 : Math.min(1, (index - onset - (weight - 1) / 2) / ramp);
    const residual = value - from - share * rise;
    loss += weight * Math.min(bound, residual * residual);
  }
  return loss;
}
