import { append, begin, judge, type Point } from "../../src/phases/judge.ts";
import { createRandom } from "../../trainer/src/random.ts";
import { RIVALS } from "./rivals/index.ts";
import type { Series } from "./series.ts";
import { quantile, table } from "./table.ts";

const LONG = 100_000;
const ROUNDS = 11;
const OPTIONS = { chance: { train: 0, "ood:shift": 0 } };

/** A run that groks after 60% of its checkpoints: train and one OOD split of 1,000 examples, and a norm. */
function longRun(count: number): Point[] {
  const random = createRandom(1, "speed");
  return Array.from({ length: count }, (_, i) => {
    const mean = i < 0.6 * count ? 0.02 : 0.97;
    const correct = Math.min(1000, Math.max(0, Math.round(1000 * (mean + 0.004 * random.normal()))));
    const splits = { train: { correct: 1000, total: 1000 }, "ood:shift": { correct, total: 1000 } };
    return { step: 10 * i, splits, weightNorm: 50 };
  });
}

/** Milliseconds of this process's CPU, which other work on the machine moves less than the clock. */
function cpuTime(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

export function reportSpeed(): string {
  const points = longRun(LONG);
  const series: Series = {
    steps: points.map(({ step }) => step),
    m: points.map(({ splits }) => (splits["ood:shift"]?.correct ?? 0) / 1000),
    train: points.map(() => 1),
    total: 1000,
  };
  const divisive = RIVALS.find(({ name }) => name.startsWith("E-divisive"));
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(cpuTime(() => judge(points, OPTIONS)));
    if (divisive) theirs.push(cpuTime(() => divisive.find(series)));
  }
  const [own, other] = [quantile(ours, 0.5), quantile(theirs, 0.5)];
  const appends = [100, 10_000].map((count) => appendCost(points, count));
  const [short = 0, long = 0] = appends;
  return [
    table([
      ["100,000 points", "CPU ms, median", "first round"],
      ["judge: train, one split and a norm", own.toFixed(0), (ours[0] ?? 0).toFixed(0)],
      ["E-divisive port: one split", other.toFixed(0), (theirs[0] ?? 0).toFixed(0)],
    ]),
    "",
    `Ours takes ${(own / other).toFixed(1)} times the port's CPU.`,
    `Appending one point costs ${(1000 * short).toFixed(0)} us at 100 points and ${(1000 * long).toFixed(0)} us at 10,000: ratio ${(long / short).toFixed(2)}.`,
  ].join("\n");
}

/** Milliseconds of one append to a trajectory of `count` points: the median of batches. */
function appendCost(points: readonly Point[], count: number): number {
  let state = begin(OPTIONS);
  for (const point of points.slice(0, count)) state = append(state, point).state;
  const next = points[count];
  if (next === undefined) return Number.NaN;
  const batches = Array.from({ length: ROUNDS }, () =>
    cpuTime(() => {
      for (let i = 0; i < 400; i += 1) append(state, next);
    }),
  );
  return quantile(batches, 0.5) / 400;
}
