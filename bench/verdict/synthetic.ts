// Series whose truth is known exactly, because they were made from it. Their noise is as in the recorded runs;
// docs/verdict-benchmark.md says how.
import { createRandom, type Random } from "../../trainer/src/random.ts";
import type { EventKind, Series } from "./series.ts";

export const TOTALS = [20, 100, 1_000, 10_000] as const;
/** Checkpoints from the old level to the new one: 1 is a jump. */
export const RAMPS = [1, 4, 16, 64, 100] as const;
/** Change of m. */
export const RISES = [0.15, 0.4, 1] as const;

export interface Cell {
  total: number;
  ramp: number;
  rise: number;
}

export const CELLS: readonly Cell[] = TOTALS.flatMap((total) =>
  RAMPS.flatMap((ramp) => RISES.map((rise) => ({ total, ramp, rise }))),
);

/** What really happened, by index into the series. */
export interface TrueEvent {
  kind: EventKind;
  /** The last checkpoint whose mean is still within a tenth of the change from the level before. */
  onset: number;
  /** The first checkpoint of the new level. */
  settled: number;
  ramp: number;
  from: number;
  to: number;
}

export interface SyntheticSeries extends Series {
  /** The conditional mean of each value on these examples: m without the jitter, dips included. */
  mean: readonly number[];
  /** The jitter's law, which no detector is told but the oracle. */
  noise: Noise;
  events: TrueEvent[];
}

export interface Noise {
  /** Standard deviation of the jitter where the mean is m. */
  sigma(m: number): number;
  /** Whether its tails are those of Student's t (3 degrees of freedom) rather than normal ones. */
  heavy(m: number): boolean;
}

interface Stage {
  mean: number[];
  events: TrueEvent[];
}

/** Where an event of this rise starts: from the floor in half of the series, else from anywhere that leaves room. */
function startLevel(rise: number, random: Random): number {
  const fromFloor = rise > 0.9 || random.uniform() < 0.5;
  return fromFloor ? 0.002 + 0.02 * random.uniform() : 0.15 + (0.83 - rise) * random.uniform();
}

/** A plateau with a drift that is too small to be an event. */
function rest(stage: Stage, level: number, count: number, drift: number): void {
  for (let i = 0; i < count; i += 1) stage.mean.push(clamp(level + drift * (i / count - 0.5)));
}

/** `pace` bends the ramp: above 1 it begins slowly, below 1 fast. */
function change(stage: Stage, from: number, to: number, ramp: number, pace = 1): void {
  const start = stage.mean.length - 1;
  for (let i = 1; i <= ramp; i += 1) stage.mean.push(from + (to - from) * (i / ramp) ** pace);
  const kind = to > from ? "generalization" : "regression";
  const settled = start + ramp;
  stage.events.push({ kind, onset: start + Math.ceil(0.1 ** (1 / pace) * ramp) - 1, settled, ramp, from, to });
}

const clamp = (m: number): number => Math.min(1, Math.max(0, m));
const between = (low: number, high: number, random: Random): number => low + (high - low) * random.uniform();
const whole = (low: number, high: number, random: Random): number => Math.floor(between(low, high + 1, random));

/**
 * One series of a cell: a level, one rise to another, and in some a drift, dips of a single checkpoint, missing
 * checkpoints, irregular steps, a loss and a recovery. The same seed makes the same series.
 */
export function makeSeries(cell: Cell, seed: number): SyntheticSeries {
  const random = createRandom(seed, `series ${cell.total} ${cell.ramp} ${cell.rise}`);
  const from = startLevel(cell.rise, random);
  const to = Math.min(0.998, from + cell.rise);
  const has = (share: number) => random.uniform() < share;
  const drift = () => (has(0.3) ? between(-0.03, 0.03, random) : 0);
  const stage: Stage = { mean: [], events: [] };
  rest(stage, from, whole(20, 100, random), from < 0.1 ? 0 : drift());
  change(stage, from, to, cell.ramp);
  rest(stage, to, whole(40, 120, random), drift());
  if (to >= 0.55 && has(0.3)) addLoss(stage, to, random);
  return finish(cell.total, stage, { dips: has(0.33), missing: has(0.3), irregular: has(0.3) }, random);
}

/** A fall to under .7 of the level, and in half of the series a return to it. */
function addLoss(stage: Stage, level: number, random: Random): void {
  const ramps = [1, 4, 16];
  const low = level * between(0, 0.7, random);
  change(stage, level, low, ramps[whole(0, 2, random)] ?? 1);
  rest(stage, low, whole(30, 80, random), 0);
  if (random.uniform() < 0.5 && level - low >= 0.15) {
    change(stage, low, level, ramps[whole(0, 2, random)] ?? 1);
    rest(stage, level, whole(30, 80, random), 0);
  }
}

/** How a ramp goes on: ever more slowly, evenly, or gathering pace. */
const PACES = [0.5, 1, 2] as const;

/** A rise over `ramp` checkpoints, at any pace. */
export function makePacedRise(total: number, ramp: number, seed: number): SyntheticSeries {
  const random = createRandom(seed, `paced rise ${total} ${ramp}`);
  const stage: Stage = { mean: [], events: [] };
  const rise = between(0.3, 1, random);
  const from = startLevel(rise, random);
  rest(stage, from, whole(20, 80, random), 0);
  change(stage, from, Math.min(0.998, from + rise), ramp, PACES[whole(0, 2, random)] ?? 1);
  rest(stage, stage.mean.at(-1) ?? 0, 40, 0);
  return finish(total, stage, { dips: random.uniform() < 0.33, missing: false, irregular: false }, random);
}

/** A level that is found at once and lost over `ramp` checkpoints, at any pace, down to between .3 and .7 of it. */
export function makePacedLoss(total: number, ramp: number, seed: number): SyntheticSeries {
  const random = createRandom(seed, `paced loss ${total} ${ramp}`);
  const level = between(0.55, 1, random);
  const stage: Stage = { mean: [], events: [] };
  rest(stage, 0.01, 20, 0);
  change(stage, 0.01, level, 1);
  rest(stage, level, whole(15, 80, random), 0);
  change(stage, level, level * between(0.3, 0.7, random), ramp, PACES[whole(0, 2, random)] ?? 1);
  rest(stage, stage.mean.at(-1) ?? 0, 40, 0);
  return finish(total, stage, { dips: random.uniform() < 0.33, missing: false, irregular: false }, random);
}

/** A plateau of `count` checkpoints without any event, for false alarms; dips apart. */
export function makePlateau(total: number, level: number, count: number, seed: number): SyntheticSeries {
  const random = createRandom(seed, `plateau ${total} ${level}`);
  const stage: Stage = { mean: [], events: [] };
  rest(stage, level, count, 0);
  return finish(total, stage, { dips: false, missing: false, irregular: false }, random);
}

/** A level for 60 checkpoints, then for `count` the highest mean that is no event: the worst that may raise no alarm. */
export function makeEdge(total: number, level: number, count: number, seed: number): SyntheticSeries {
  const random = createRandom(seed, `edge ${total} ${level}`);
  const stage: Stage = { mean: [], events: [] };
  rest(stage, level, 60, 0);
  rest(stage, Math.max(level <= 0.05 ? 0.1 : 0, level + 0.05), count, 0);
  return finish(total, stage, { dips: false, missing: false, irregular: false }, random);
}

/** A model that generalizes and never loses it, whatever single evaluations say. */
export function makeStable(total: number, level: number, count: number, seed: number): SyntheticSeries {
  const random = createRandom(seed, `stable ${total} ${level}`);
  const stage: Stage = { mean: [], events: [] };
  rest(stage, 0.01, 20, 0);
  change(stage, 0.01, level, whole(1, 16, random));
  rest(stage, level, count, 0);
  return finish(total, stage, { dips: true, missing: false, irregular: false }, random);
}

interface Faults {
  dips: boolean;
  missing: boolean;
  irregular: boolean;
}

function finish(total: number, { mean, events }: Stage, faults: Faults, random: Random): SyntheticSeries {
  const noise = makeNoise(total, random);
  let lastDip = Number.NEGATIVE_INFINITY;
  const m = mean.map((value, i) => {
    // Two dips in a row would be more than a single evaluation: real ones are apart.
    const dips = faults.dips && value > 0.3 && i - lastDip > 3 && random.uniform() < 0.012;
    if (dips) lastDip = i;
    const dipped = dips ? value * between(0.3, 0.93, random) : value;
    const draw = noise.heavy(value) ? student3(random) : random.normal();
    const correct = Math.round(total * (dipped + noise.sigma(value) * draw));
    return Math.min(total, Math.max(0, correct)) / total;
  });
  // The first checkpoints stay, so that every series starts where its truth does.
  const kept = mean.map((_, i) => !(faults.missing && i >= 3 && random.uniform() < 0.1));
  const steps = mean.map((_, i) => 25 * (faults.irregular ? 3 * i + whole(0, 2, random) : i));
  const place = keptPlaces(kept);
  const pick = <T>(values: readonly T[]): T[] => values.filter((_, i) => kept[i]);
  return {
    steps: pick(steps),
    m: pick(m),
    mean: pick(mean),
    noise,
    train: pick(mean.map((_, i) => (i < 2 ? 0.05 : 1))),
    total,
    events: events.map((event) => ({ ...event, onset: place(event.onset), settled: place(event.settled) })),
  };
}

/** From the index of a checkpoint to its index among those kept: the last kept one at or before it. */
function keptPlaces(kept: readonly boolean[]): (index: number) => number {
  let count = -1;
  const places = kept.map((keeps) => {
    if (keeps) count += 1;
    return count;
  });
  return (index) => Math.max(0, places[index] ?? count);
}

/**
 * Jitter as in the recorded runs, in ranges that hold most of them: at the floor .2 to .9 of binomial and normal; above it
 * .15 to 1.5 of binomial with tails of Student's t (3 degrees of freedom), plus training jitter that no number of
 * examples removes.
 */
function makeNoise(total: number, random: Random): Noise {
  const floorShare = Math.exp(between(Math.log(0.2), Math.log(0.9), random));
  const share = Math.exp(between(Math.log(0.15), Math.log(1.5), random));
  const training = Math.exp(between(Math.log(0.0003), Math.log(0.005), random));
  const binomial = (m: number) => Math.sqrt(Math.max(m * (1 - m), 1 / total) / total);
  return {
    sigma: (m: number) => (m <= 0.1 ? floorShare * binomial(m) : Math.hypot(share * binomial(m), training)),
    heavy: (m: number) => m > 0.1,
  };
}

/** Student's t with 3 degrees of freedom, scaled to variance 1. */
function student3(random: Random): number {
  const chi = random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2;
  return random.normal() / Math.sqrt(chi);
}
