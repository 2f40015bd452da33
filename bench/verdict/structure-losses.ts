// What sees a regression first: the loss or the accuracy on the deciding splits, the norm, or the layers.
import { decidingOf, judge, type Point } from "../../src/phases/judge.ts";
import { halfOf } from "./recorded.ts";
import { mean, median } from "./structure-series.ts";
import { quantile, share, table } from "./table.ts";
import type { TrainedRun } from "./trained.ts";

/** A signal departs where it leaves the line through so many checkpoints before. */
const WINDOW = 10;
/** Checkpoints before the onset in which an alarm may belong to the loss: earlier ones precede what caused it. */
const BEFORE = 2;
/** Share of the checkpoints of stable runs, on the half for developing, at which a signal may alarm. */
const FALSE_ALARMS = 0.01;

const layersOf = (point: Point) => Object.values(point.layers ?? {});

interface Signal {
  at: (point: Point, deciding: readonly string[]) => number;
  /** Which way it departs in a regression; 0 where either may be one. */
  way: -1 | 0 | 1;
  /** A smaller departure is no event, whatever the stable runs say. */
  least?: number;
}

const SIGNALS: Record<string, Signal> = {
  "loss on the deciding splits": {
    at: (point, deciding) =>
      mean(deciding.map((name) => Math.log(Math.max(1e-6, point.splits[name]?.loss ?? Number.NaN)))),
    way: 1,
  },
  "accuracy on the deciding splits": {
    at: (point, deciding) =>
      mean(deciding.map((name) => (point.splits[name]?.correct ?? 0) / (point.splits[name]?.total ?? 1))),
    way: -1,
    least: 0.05,
  },
  "norm of all weights": { at: ({ weightNorm }) => Math.log(weightNorm ?? Number.NaN), way: 0 },
  "effective rank": {
    at: (point) => mean(layersOf(point).map((layer) => Math.log(layer.effectiveRank ?? Number.NaN))),
    way: 0,
  },
  alpha: { at: (point) => median(layersOf(point).flatMap(({ alpha }) => (alpha ? Math.log(alpha) : []))), way: 0 },
};

/** By checkpoint, how far the signal is from where the line through the ones before leads; NaN where these are too few. */
function departures(points: readonly Point[], { at, way }: Signal, deciding: readonly string[]): number[] {
  const values = points.map((point) => at(point, deciding));
  return values.map((value, i) => {
    if (i < WINDOW) return Number.NaN;
    const before = values.slice(i - WINDOW, i);
    const centre = (WINDOW - 1) / 2;
    const spread = (WINDOW * (WINDOW ** 2 - 1)) / 12;
    const slope = before.reduce((sum, one, n) => sum + (n - centre) * one, 0) / spread;
    const off = value - mean(before) - slope * (WINDOW - centre);
    return way === 0 ? Math.abs(off) : way * off;
  });
}

interface Stretch {
  run: TrainedRun;
  deciding: string[];
  /** Indices: from here a window holds the generalized model alone. */
  from: number;
  /** Onset of the first regression on a deciding split, and where the last of these has settled; null in stable runs. */
  loss: { onset: number; settled: number } | null;
}

function stretchOf(run: TrainedRun): Stretch | null {
  const deciding = decidingOf(Object.keys(run.points[0]?.splits ?? {}));
  const ours = run.events.filter(({ split }) => deciding.includes(split));
  const indexOf = (step: number) => run.points.findIndex((point) => point.step >= step);
  const lost = ours.filter(({ kind }) => kind === "regression");
  const first = Math.min(...lost.map(({ onsetStep }) => onsetStep));
  const crossed = ours.filter(({ kind, onsetStep }) => kind === "generalization" && onsetStep < first);
  const disturbed = run.made === "slingshot" || run.name.includes("pulse");
  if (crossed.length === 0 || (lost.length === 0 && disturbed)) return null;
  const from = indexOf(Math.max(...crossed.map(({ settledStep }) => settledStep)));
  if (from < 0) return null;
  const settled = Math.max(...lost.map(({ settledStep }) => indexOf(settledStep)));
  return { run, deciding, from, loss: lost.length === 0 ? null : { onset: indexOf(first), settled } };
}

/** The step at which the detector announced the first regression, as an index; null where it announced none. */
function announced({ run, deciding }: Stretch): number | null {
  const { transitions } = judge(run.points, { chance: run.chance });
  const steps = transitions
    .filter(({ kind, split }) => kind === "regression" && deciding.includes(split))
    .map(({ detectedAtStep }) => detectedAtStep);
  return steps.length === 0 ? null : run.points.findIndex(({ step }) => step === Math.min(...steps));
}

export function reportLosses(runs: readonly TrainedRun[]): string {
  const stretches = runs.map(stretchOf).filter((stretch) => stretch !== null);
  const stable = stretches.filter(({ loss }) => loss === null);
  const losses = stretches.filter(({ loss, run }) => loss !== null && halfOf(run.name) === "report");
  const found = new Map(
    Object.entries(SIGNALS).map(([name, signal]) => {
      const still = (half: string) =>
        stable
          .filter(({ run }) => halfOf(run.name) === half)
          .flatMap(({ run, deciding, from }) => departures(run.points, signal, deciding).slice(from + WINDOW))
          .filter(Number.isFinite);
      const threshold = Math.max(signal.least ?? 0, quantile(still("develop"), 1 - FALSE_ALARMS));
      const alarms = losses.map(({ run, deciding, loss }) => {
        const begin = Math.max(0, (loss?.onset ?? 0) - BEFORE);
        const all = departures(run.points, signal, deciding);
        const at = all.findIndex((off, i) => i >= begin && i <= (loss?.settled ?? 0) && off > threshold);
        return at < 0 ? null : at;
      });
      const quiet = still("report");
      return [name, { alarms, quiet: share(quiet.filter((off) => off > threshold).length, quiet.length) }] as const;
    }),
  );
  const reference = found.get("loss on the deciding splits")?.alarms ?? [];
  const row = (name: string, alarms: readonly (number | null)[], quiet: string): string[] => {
    const delays = alarms.flatMap((at, i) => (at === null ? [] : at - (losses[i]?.loss?.onset ?? 0)));
    const against = (holds: (at: number, loss: number) => boolean) =>
      String(alarms.filter((at, i) => at !== null && holds(at, reference[i] ?? Number.POSITIVE_INFINITY)).length);
    return [
      name,
      share(delays.length, losses.length),
      `${median(delays)} (${Math.min(...delays)} to ${Math.max(...delays)})`,
      against((at, loss) => at < loss),
      against((at, loss) => at === loss),
      against((at, loss) => at > loss),
      quiet,
    ];
  };
  const heading = ["regressions of the report half", "seen", "checkpoints after the onset: median (range)"];
  return table([
    [...heading, "before the loss", "with it", "after it", "alarms on stable runs"],
    ...[...found].map(([name, { alarms, quiet }]) => row(name, alarms, quiet)),
    row("announced by the detector", losses.map(announced), "see the other tables"),
  ]);
}
