import { expect, test } from "vitest";
import { toPoints } from "../../bench/verdict/ours.ts";
import { makeEdge, makePlateau, makeStable } from "../../bench/verdict/synthetic.ts";
import { type Announcement, append, begin, judge } from "../../src/phases/judge.ts";
import { NO_CHANCE } from "./trajectories.ts";

/** The policy's bound on 200 checkpoints is 1%; of 200 plateaus 7 or more would be seen with probability .004. */
const SERIES = 200;
const MOST = 6;

const generalizations = (series: ReturnType<typeof makePlateau>): number =>
  judge(toPoints(series), NO_CHANCE).transitions.filter(({ kind }) => kind === "generalization").length;

const raised = (make: typeof makePlateau, total: number, level: number): number => {
  let count = 0;
  for (let seed = 0; seed < SERIES; seed += 1) if (generalizations(make(total, level, 200, seed)) > 0) count += 1;
  return count;
};

test.each([
  [20, 0.02],
  [20, 0.5],
  [100, 0.35],
  [1000, 0.02],
  [1000, 0.65],
  [10_000, 0.8],
])("of plateaus of 200 checkpoints at n = %i, m = %f, at most one in a hundred announces a rise", (total, level) => {
  expect(raised(makePlateau, total, level)).toBeLessThanOrEqual(MOST);
});

test.each([
  [20, 0.5],
  [100, 0.05],
  [1000, 0.2],
  [10_000, 0.65],
])("nor does a mean that stays just under an event, at n = %i from m = %f", (total, level) => {
  expect(raised(makeEdge, total, level)).toBeLessThanOrEqual(MOST);
});

test("a policy with a shorter run length is sooner, and one with a longer is later", () => {
  const detectedAt = (averageRunLength: number): number[] => {
    const options = { ...NO_CHANCE, policy: { averageRunLength } };
    return Array.from({ length: 20 }, (_, seed) => {
      const { m, ...series } = makeEdge(100, 0.3, 0, seed);
      // From .3 to .5 at once, in 60 checkpoints more.
      const rise = Array.from({ length: 60 }, (_, i) => 0.48 + 0.01 * ((seed + i) % 5));
      const values = [...m, ...rise];
      const steps = values.map((_, i) => i);
      const points = toPoints({ ...series, m: values, steps, train: values.map(() => 1) });
      return judge(points, options).transitions[0]?.detectedAtStep ?? Number.POSITIVE_INFINITY;
    });
  };
  const mean = (steps: readonly number[]) => steps.reduce((sum, step) => sum + step, 0) / steps.length;
  expect(mean(detectedAt(1000))).toBeLessThan(mean(detectedAt(1e9)));
});

test("a dip of a single evaluation is no regression, at any step of any run", () => {
  for (let seed = 0; seed < 60; seed += 1) {
    let state = begin(NO_CHANCE);
    const said: Announcement[] = [];
    for (const point of toPoints(makeStable(1000, 0.95, 150, seed))) {
      const next = append(state, point);
      state = next.state;
      said.push(...next.announcements);
    }
    expect(said.filter(({ transition }) => transition.kind === "regression")).toEqual([]);
  }
});

test("the bound is shared by the splits: nine of them raise no more alarms together than one", () => {
  let alarms = 0;
  for (let seed = 0; seed < 60; seed += 1) {
    const names = Array.from({ length: 9 }, (_, k) => `ood:${k}`);
    const series = names.map((_, k) => toPoints(makeEdge(100, 0.05, 200, 1000 * k + seed)));
    const points = (series[0] ?? []).map(({ step }, i) => ({
      step,
      splits: Object.fromEntries(
        names.map((name, k) => [name, series[k]?.[i]?.splits["ood:shift"] ?? { correct: 0, total: 1 }]),
      ),
    }));
    const chance = Object.fromEntries(names.map((name) => [name, 0]));
    if (judge(points, { chance }).transitions.some(({ kind }) => kind === "generalization")) alarms += 1;
  }
  // 1% of 60 models; 4 or more would be seen with probability .003.
  expect(alarms).toBeLessThanOrEqual(3);
});
