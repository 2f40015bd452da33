// What is said where nothing happened: plateaus, the edge of what is no event, and models that never lost anything.
import { judgeSeries, OURS } from "./ours.ts";
import type { Detector } from "./series.ts";
import { makeEdge, makePlateau, makeStable, type SyntheticSeries, TOTALS } from "./synthetic.ts";
import { share, table } from "./table.ts";

const LEVELS = [0.001, 0.02, 0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97, 1] as const;
const EDGES = LEVELS.filter((level) => level <= 0.9);
const STABLE = [0.6, 0.8, 0.95, 1] as const;

/** Shares of series of 200 checkpoints in which a generalization is announced, by examples and level. */
export function reportPlateaus(rivals: readonly Detector[], count: number): string {
  const alarms = (detector: Detector, series: SyntheticSeries) =>
    detector.find(series).some(({ kind }) => kind === "generalization");
  const rate = (detector: Detector, total: number, levels: readonly number[], make: typeof makePlateau) =>
    levels.map((level) => {
      let raised = 0;
      for (let seed = 0; seed < count; seed += 1) {
        if (alarms(detector, make(total, level, 200, seed))) raised += 1;
      }
      return raised / count;
    });
  const percent = (fraction: number) => (100 * fraction).toFixed(1);
  const detail = (levels: readonly number[], make: typeof makePlateau) =>
    table([
      ["n", ...levels.map(String)],
      ...TOTALS.map((total) => [String(total), ...rate(OURS, total, levels, make).map(percent)]),
    ]);
  const beside = [OURS, ...rivals].map((detector) => {
    const rates = TOTALS.flatMap((total) => rate(detector, total, LEVELS, makePlateau));
    const mean = rates.reduce((sum, one) => sum + one, 0) / rates.length;
    return [detector.name, percent(mean), percent(Math.max(...rates))];
  });
  return [
    `Plateaus, % of ${count} with a false transition, by level:`,
    detail(LEVELS, makePlateau),
    "",
    "A level for 60 checkpoints, then its highest mean that is no event, for 200: the bound's own condition:",
    detail(EDGES, makeEdge),
    "",
    "Plateaus, beside the rivals:",
    table([["detector", "mean %", "worst cell %"], ...beside]),
  ].join("\n");
}

/** Models that generalize and stay, with dips of single evaluations. */
export function reportStable(count: number): string {
  let [verdicts, announced, all, dips] = [0, 0, 0, 0];
  for (const total of TOTALS) {
    for (const level of STABLE) {
      for (let seed = 0; seed < count; seed += 1) {
        const series = makeStable(total, level, 150, seed);
        const { verdict, transitions, caveats } = judgeSeries(series);
        all += 1;
        if (verdict === "regressed") verdicts += 1;
        if (transitions.some(({ kind }) => kind === "regression")) announced += 1;
        if (caveats.some(({ code }) => code === "instability")) dips += 1;
      }
    }
  }
  return `Of models that never regressed ${share(verdicts, all)} are called regressed and ${share(announced, all)} have a regression announced; ${share(dips, all)} are told to be unstable, for their dips.`;
}
