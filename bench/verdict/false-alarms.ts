// What is said where nothing happened: plateaus, the edge of what is no event, and models that never lost anything.
import { judgeSeries, OURS } from "./ours.ts";
import type { Detector } from "./series.ts";
import { makeEdge, makePlateau, makeStable, type SyntheticSeries, TOTALS } from "./synthetic.ts";
import { share, table } from "./table.ts";

const LEVELS = [0.001, 0.02, 0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97, 1] as const;
const EDGES = LEVELS.filter((level) => level <= 0.9);
const STABLE = [0.4, 0.5, 0.6, 0.8, 0.95, 1] as const;
const LENGTHS = [150, 400] as const;

/** The detector was developed on lower seeds. */
const FIRST_SEED = 10_000;

const percent = (fraction: number): string => (100 * fraction).toFixed(1);

/** Shares of series of 200 checkpoints in which a generalization is announced, by level. */
function rates(
  detector: Detector,
  total: number,
  levels: readonly number[],
  make: typeof makePlateau,
  count: number,
): number[] {
  const alarmed = (series: SyntheticSeries) => detector.find(series).some(({ kind }) => kind === "generalization");
  return levels.map((level) => {
    let raised = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + count; seed += 1)
      if (alarmed(make(total, level, 200, seed))) raised += 1;
    return raised / count;
  });
}

export function reportPlateaus(count: number): string {
  const detail = (levels: readonly number[], make: typeof makePlateau) =>
    table([
      ["n", ...levels.map(String)],
      ...TOTALS.map((total) => [String(total), ...rates(OURS, total, levels, make, count).map(percent)]),
    ]);
  return [
    `Plateaus, % of ${count} with a false transition, by level:`,
    "",
    detail(LEVELS, makePlateau),
    "",
    "A level for 60 checkpoints, then its highest mean that is no event, for 200: the bound's own condition:",
    "",
    detail(EDGES, makeEdge),
  ].join("\n");
}

export function reportPlateausBeside(rivals: readonly Detector[], count: number): string {
  const beside = [OURS, ...rivals].map((detector) => {
    const all = TOTALS.flatMap((total) => rates(detector, total, LEVELS, makePlateau, count));
    return [detector.name, percent(all.reduce((sum, one) => sum + one, 0) / all.length), percent(Math.max(...all))];
  });
  return table([["detector", "mean %", "worst cell %"], ...beside]);
}

/** Models that generalize and stay, with dips of single evaluations: what is said of them by examples, level and length. */
export function reportStable(count: number): string {
  const all = { verdicts: 0, announced: 0, unstable: 0, models: 0 };
  const rows = TOTALS.flatMap((total) =>
    LENGTHS.map((length) => [
      `${total}`,
      `${length}`,
      ...STABLE.map((level) => {
        let announced = 0;
        for (let seed = FIRST_SEED; seed < FIRST_SEED + count; seed += 1) {
          const { verdict, transitions, caveats } = judgeSeries(makeStable(total, level, length, seed));
          all.models += 1;
          if (verdict === "regressed") all.verdicts += 1;
          if (transitions.some(({ kind }) => kind === "regression")) announced += 1;
          if (caveats.some(({ code }) => code === "instability")) all.unstable += 1;
        }
        all.announced += announced;
        return percent(announced / count);
      }),
    ]),
  );
  return [
    `Of models that never regressed ${share(all.verdicts, all.models)} are called regressed, ${share(all.announced, all.models)} have a regression announced, and ${share(all.unstable, all.models)} are told to be unstable, for their dips.`,
    "",
    `Regressions announced, % of ${count}, by level:`,
    "",
    table([["n", "checkpoints", ...STABLE.map(String)], ...rows]),
  ].join("\n");
}
