// The yardsticks: detectors that are told what none can know, the levels and the law of the jitter, and have only to say
// when. The first is Page's CUSUM (1954). The second is told how long the ramp takes, too: its likelihood ratio has the
// ramp's own shape. What it cannot do, nothing can be asked to do.
import type { FoundEvent } from "./series.ts";
import { type Cell, makePlateau, makeSeries, type Noise, type SyntheticSeries, type TrueEvent } from "./synthetic.ts";

export interface OracleKind {
  name: string;
  knowsRamp: boolean;
  /** What counts as unchanged: the level before, or (as in the service's promise) any mean that is no event yet. */
  unchanged: "level" | "no_event";
}

export const ORACLES = {
  cusum: { name: "CUSUM, levels known", knowsRamp: false, unchanged: "level" },
  ramp: { name: "levels and ramp known", knowsRamp: true, unchanged: "level" },
  cautious: { name: "levels and ramp known, cautious", knowsRamp: true, unchanged: "no_event" },
} as const satisfies Record<string, OracleKind>;

/** Share of plateaus of 200 checkpoints that may raise an alarm: the rate that the service promises too. */
const FALSE_ALARMS = 0.01;
const CALIBRATION = 400;
/** Beginnings older than twice the ramp and this many checkpoints have said all they can. */
const AFTER = 40;
/** The beginning is dated this many checkpoints (or a ramp) after the alarm, from the data on both sides. */
const HINDSIGHT = 12;
const FLOOR = 0.1;
const LEAST = 0.05;

interface Knowledge {
  from: number;
  to: number;
  ramp: number;
  noise: Noise;
  total: number;
  unchanged: OracleKind["unchanged"];
}

/** The highest mean that is no event yet: within the floor band, or less than the least change above the level. */
const leastEvent = (from: number): number => Math.max(FLOOR, from + LEAST);

/** The first checkpoint whose mean makes the rise an event by its definition. */
export function firstEventful(mean: readonly number[], event: TrueEvent): number {
  const threshold = leastEvent(event.from);
  const at = mean.findIndex((m, i) => i > event.onset && m > threshold - 1e-9);
  return at === -1 ? event.settled : at;
}

function logLikelihood(x: number, mean: number, { noise, total }: Knowledge): number {
  // Counts are whole: the rounding adds its own variance.
  const sigma = Math.sqrt(noise.sigma(mean) ** 2 + 1 / (12 * total * total));
  const z2 = ((x - mean) / sigma) ** 2;
  return (noise.heavy(mean) ? -2 * Math.log1p(z2) : -z2 / 2) - Math.log(sigma);
}

/** The best likelihood ratio of a rise that began before each checkpoint, and where that rise would have begun. */
function* follow(values: readonly number[], knowledge: Knowledge) {
  const { from, to, ramp, unchanged } = knowledge;
  const least = unchanged === "level" ? from : leastEvent(from);
  const sums: number[] = [];
  let first = 0;
  for (const [t, x] of values.entries()) {
    sums.push(0);
    if (sums.length > 2 * ramp + AFTER) {
      sums.shift();
      first += 1;
    }
    const without = logLikelihood(x, Math.min(Math.max(x, from), least), knowledge);
    let best = { ratio: Number.NEGATIVE_INFINITY, start: t };
    for (let k = 0; k < sums.length; k += 1) {
      const age = t - (first + k) + 1;
      const mean = from + (to - from) * Math.min(1, age / ramp);
      if (mean > least) sums[k] = (sums[k] ?? 0) + logLikelihood(x, mean, knowledge) - without;
      const ratio = sums[k] ?? 0;
      if (ratio > best.ratio) best = { ratio, start: first + k - 1 };
    }
    yield best;
  }
}

const know = (event: TrueEvent, noise: Noise, total: number, { knowsRamp, unchanged }: OracleKind): Knowledge => ({
  from: event.from,
  to: event.to,
  ramp: knowsRamp ? event.ramp : 1,
  noise,
  total,
  unchanged,
});

/** The likelihood ratio that one plateau of 200 checkpoints in a hundred reaches, in series like those of this cell. */
export function calibrate(cell: Cell, kind: OracleKind): number {
  const highest: number[] = [];
  for (let seed = 0; seed < CALIBRATION; seed += 1) {
    const [event] = makeSeries(cell, 1_000_000 + seed).events;
    if (event === undefined) continue;
    const level = kind.unchanged === "level" ? event.from : leastEvent(event.from);
    const plateau = makePlateau(cell.total, level, 200, seed);
    let max = 0;
    for (const { ratio } of follow(plateau.m, know(event, plateau.noise, cell.total, kind))) max = Math.max(max, ratio);
    highest.push(max);
  }
  return highest.toSorted((a, b) => a - b)[Math.floor((1 - FALSE_ALARMS) * highest.length)] ?? 0;
}

/** The first rise of a series, up to its first loss. */
export function askOracle(series: SyntheticSeries, threshold: number, kind: OracleKind): FoundEvent[] {
  const [event, loss] = series.events;
  if (event === undefined) return [];
  const knowledge = know(event, series.noise, series.total, kind);
  const values = series.m.slice(0, loss?.onset ?? series.m.length);
  let detectedAt: number | null = null;
  let start = 0;
  let t = 0;
  for (const best of follow(values, knowledge)) {
    if (detectedAt === null && best.ratio > threshold) detectedAt = t;
    start = best.start;
    if (detectedAt !== null && t >= detectedAt + Math.max(HINDSIGHT, knowledge.ramp)) break;
    t += 1;
  }
  if (detectedAt === null) return [];
  return [{ kind: "generalization", onset: start + Math.ceil(0.1 * knowledge.ramp) - 1, detectedAt }];
}
