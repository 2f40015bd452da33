import { noSpread, type Peak, standsOut, tooFew } from "./ensemble.ts";
import { crossingOf, type Located, peakOf } from "./peak.ts";
import { type Estimate, jackknifeSe, type Moments, momentsOf, susceptibilityOf } from "./sample.ts";
import type { Untold } from "./untold.ts";

/** Members of one size at one setting: where each has come to rest (m), and the variance its examples give it. */
export interface Cell {
  setting: number;
  levels: readonly number[];
  noise: readonly number[];
}

/** Settings that a peak or a crossing needs at least: one inside, and one on either side. */
const MINIMUM_SETTINGS = 3;

const tooFewSettings = (settings: number): Untold => ({
  insufficient: "too_few_settings",
  message: `A peak needs at least ${MINIMUM_SETTINGS} settings with 5 members each; here are ${settings}.`,
});

/** The cell's moments, for chi's N; `Untold` for fewer than 5 members. */
export const readCell = ({ levels }: Cell, size: number): Moments | Untold =>
  momentsOf(levels, size) ?? tooFew(levels.length);

/** The setting, in its own units, at which chi of the final levels is highest. Cells in order of their setting. */
export function criticalSetting(cells: readonly Cell[], size: number, spread: number): Peak | Untold {
  const told = cells.flatMap((cell) => {
    const moments = momentsOf(cell.levels, size);
    return moments === null ? [] : [{ cell, moments }];
  });
  if (told.length < MINIMUM_SETTINGS) return tooFewSettings(told.length);
  // By logarithms, as `compareSpreads` of one setting's steps, whose members are the same: here they are others.
  const curve = told.map(({ cell }) => {
    const { value, leftOut } = susceptibilityOf(cell.levels, 1);
    const logOf = (variance: number) => Math.log(variance + spread ** 2);
    return { at: cell.setting, value: logOf(value), se: jackknifeSe(leftOut.map(logOf)) };
  });
  const seen = told.some(({ cell, moments }) => standsOut(moments.susceptibility / size, cell.noise, spread));
  if (!seen) return noSpread(spread);
  const peak = peakOf(curve);
  if (peak !== null)
    return { at: peak.at, between: peak.between, susceptibility: told[peak.index]?.moments.susceptibility ?? 0 };
  return {
    insufficient: "peak_not_resolved",
    message: "The peak of chi is not told from an end of the sweep: more members, or settings beyond, would tell.",
  };
}

/** The setting at which the cumulants of a smaller and a larger size cross: the same for all sizes at a critical one. */
export function criticalCrossing(smaller: readonly Cell[], larger: readonly Cell[]): Located | Untold {
  const crossing = crossingOf(cumulants(smaller), cumulants(larger));
  if (crossing !== null) return crossing;
  return {
    insufficient: "no_crossing",
    message: "The cumulants of the two sizes do not cross: two settings on either side must tell which is above.",
  };
}

const cumulants = (cells: readonly Cell[]): Estimate[] =>
  cells.flatMap(({ setting, levels }) => {
    const moments = momentsOf(levels, 1);
    if (moments === null || moments.cumulant === null || moments.cumulantSe === null) return [];
    return [{ at: setting, value: moments.cumulant, se: moments.cumulantSe }];
  });
