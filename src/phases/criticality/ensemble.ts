import { APART, type Located, peakOf } from "./peak.ts";
import { jackknifeSe, MINIMUM_MEMBERS, type Moments, momentsOf, sum, susceptibilityOf } from "./sample.ts";
import { commonSteps, latestAt, type Series, smoothed } from "./series.ts";
import { slidingAutocorrelation } from "./slowing.ts";
import type { Untold } from "./untold.ts";

export interface ReadingOptions {
  /** N of chi. */
  size: number;
  /** m at or below which nothing is learned. */
  floor: number;
  /** m by which members must differ, as a standard deviation, before there is anything to see. */
  spread: number;
  /** Checkpoints of the sliding window of the autocorrelation. */
  window: number;
}

/** The ensemble at one step. */
export interface CurvePoint extends Moments {
  step: number;
  /** Mean over the members that have one here; null for fewer than 5. One lag is one checkpoint. */
  autocorrelation: number | null;
  autocorrelationSe: number | null;
}

/** A peak over steps or settings (`peakOf`), and chi there. */
export interface Peak extends Located {
  susceptibility: number;
}

export interface Order {
  order: "first_order" | "continuous";
  /** The step at which U is least among those where the ensemble has begun to cross, and U there. */
  step: number;
  cumulant: number;
}

export interface EnsembleReading {
  curve: CurvePoint[];
  peak: Peak | Untold;
  order: Order | Untold;
}

/** Share of the highest <m> under which members that are either at 0 or at the top have U < 0 (see `momentsOf`). */
const EARLY = 1 / 3;
/** Early steps that must all tell U > 0 before the crossing is called continuous. */
const EARLY_STEPS = 2;
/** Standard errors of a variance by which it must exceed what the examples alone give. */
const NOISE = 4;

/**
 * The ensemble along its common steps (`commonSteps`), from each member's latest checkpoint, by a running median of 3.
 * The autocorrelation alone is of the values as measured, since a median makes neighbours alike.
 */
export function readEnsemble(members: readonly Series[], options: ReadingOptions): EnsembleReading | Untold {
  if (members.length < MINIMUM_MEMBERS) return tooFew(members.length);
  const steps = commonSteps(members);
  if (steps.length === 0) {
    return { insufficient: "no_common_steps", message: "No step lies within what every member has measured." };
  }
  const across = (valuesOf: (member: Series) => (number | null)[]) => {
    const rows = members.map((member) => latestAt(steps, member.observations, valuesOf(member)));
    return steps.map((_, i) => rows.flatMap((row) => row[i] ?? []));
  };
  const levels = across(({ observations }) => smoothed(observations.map(({ m }) => m)));
  const slowing = across(({ observations }) => slidingAutocorrelation(observations, options.window));
  const noise = across(({ observations }) => observations.map((observation) => observation.noise));
  const curve = steps.flatMap((step, i) => {
    const moments = momentsOf(levels[i] ?? [], options.size);
    return moments === null ? [] : [{ step, ...moments, ...averageOf(slowing[i] ?? []) }];
  });
  return { curve, peak: findPeak(curve, levels, noise, options), order: readOrder(curve, options.floor) };
}

export const tooFew = (members: number): Untold => ({
  insufficient: "too_few_members",
  message: `A spread between members needs at least ${MINIMUM_MEMBERS} of them; here are ${members}.`,
});

function averageOf(values: readonly number[]): Pick<CurvePoint, "autocorrelation" | "autocorrelationSe"> {
  const n = values.length;
  if (n < MINIMUM_MEMBERS) return { autocorrelation: null, autocorrelationSe: null };
  const mean = sum(values) / n;
  const variance = sum(values.map((value) => (value - mean) ** 2)) / (n - 1);
  return { autocorrelation: mean, autocorrelationSe: Math.sqrt(variance / n) };
}

/** The step at which chi is highest; steps share their members, so the jackknife is of the difference itself. */
function findPeak(
  curve: readonly CurvePoint[],
  levels: readonly number[][],
  noise: readonly number[][],
  { size, spread }: ReadingOptions,
): Peak | Untold {
  const seen = curve.some(({ susceptibility }, i) => standsOut(susceptibility / size, noise[i] ?? [], spread));
  if (!seen) return noSpread(spread);
  const isBelow = compareSpreads(levels, spread);
  const peak = peakOf(
    curve.map(({ step, susceptibility, susceptibilitySe }) => ({
      at: step,
      value: susceptibility,
      se: susceptibilitySe,
    })),
    isBelow,
  );
  if (peak !== null) {
    return { at: peak.at, between: peak.between, susceptibility: curve[peak.index]?.susceptibility ?? 0 };
  }
  return {
    insufficient: "peak_not_resolved",
    message: "The peak of chi is not told from an end of the common steps: more members, or steps beyond, would tell.",
  };
}

/**
 * Whether the variance of the same members at one step is told to be below that at another: by the jackknife of the
 * difference, or of log(variance + spread^2), which is fair to few members (Miller 1968, Ann. Math. Statist. 39, 567).
 * The addend, the spread that counts for nothing, keeps a variance of 0 from being infinitely far. Of simulated ensembles
 * of logistic crossings (5 to 40 members) the interval of the peak held the true step in 95% or more.
 */
function compareSpreads(levels: readonly number[][], spread: number): (i: number, top: number) => boolean {
  const scales = [(variance: number) => variance, (variance: number) => Math.log(variance + spread ** 2)];
  const read = levels.map((values) => susceptibilityOf(values, 1));
  return (i, top) => {
    const [low, high] = [read[i], read[top]];
    if (low === undefined || high === undefined) return false;
    return scales.some((scale) => {
      const se = jackknifeSe(high.leftOut.map((value, member) => scale(value) - scale(low.leftOut[member] ?? 0)));
      return scale(high.value) - scale(low.value) > APART * se;
    });
  };
}

/** Whether members differ by more than a change that counts for nothing, and than their examples alone explain. */
export function standsOut(variance: number, noise: readonly number[], spread: number): boolean {
  const sampling = sum(noise) / Math.max(1, noise.length);
  return variance >= Math.max(spread ** 2, sampling * (1 + NOISE * Math.sqrt(2 / Math.max(1, noise.length - 1))));
}

export const noSpread = (spread: number): Untold => ({
  insufficient: "no_spread",
  message: `Members never differ by more than ${spread} in m or than their examples explain: none crossed, or all at once.`,
});

/**
 * First order where U falls below 0 while the ensemble crosses: members are at two levels at the same step, so each
 * jumps faster than the members lie apart. Continuous where U stays above 0 even where a third of <m> or less is
 * reached, which members at two levels cannot do. Which of the two makes members jump, a barrier or a mere difference
 * of pace, the cumulant does not say. Source: Binder and Landau 1984 (Phys. Rev. B 30, 1477) for the negative dip.
 */
function readOrder(curve: readonly CurvePoint[], floor: number): Order | Untold {
  const top = Math.max(...curve.map(({ m }) => m));
  const begun = curve.filter(({ m, cumulant }) => m > floor && cumulant !== null);
  const least = (points: readonly CurvePoint[]) =>
    points.toSorted((a, b) => (a.cumulant ?? 0) - (b.cumulant ?? 0)).at(0);
  const dip = least(begun.filter(({ cumulantSign }) => cumulantSign === -1));
  if (dip !== undefined) return { order: "first_order", step: dip.step, cumulant: dip.cumulant ?? 0 };
  const early = begun.filter(({ m }) => m <= EARLY * top);
  const lowest = least(early);
  const above = early.every(({ cumulantSign }) => cumulantSign === 1);
  if (lowest !== undefined && early.length >= EARLY_STEPS && above) {
    return { order: "continuous", step: lowest.step, cumulant: lowest.cumulant ?? 0 };
  }
  return {
    insufficient: "order_not_resolved",
    message:
      "U is not told from 0 early in the crossing: more members, or checkpoints while <m> is under a third, would tell.",
  };
}
