import { expect, test } from "vitest";
import { type Announcement, append, begin, judge, type Point } from "../../src/phases/judge.ts";
import { NO_CHANCE, pair, trace } from "./trajectories.ts";

const START: [number, number, number] = [1, 0.01, 0.01];

function announced(points: readonly Point[]): Announcement[] {
  let state = begin(NO_CHANCE);
  return points.flatMap((point) => {
    const next = append(state, point);
    state = next.state;
    return next.announcements;
  });
}

test("a jump has an onset, a settled and a detected-at step, and levels", () => {
  const points = pair(START, [20, 1, 0.01], [1, 1, 0.5], [12, 1, 0.99]);
  const { transitions } = judge(points, NO_CHANCE);
  expect(transitions).toEqual([
    {
      kind: "generalization",
      split: "ood:shift",
      ordinal: 1,
      onsetStep: 200,
      settledStep: 220,
      // The second checkpoint above the floor: one alone may be a fluke.
      detectedAtStep: 220,
      from: 0.01,
      to: 0.99,
      // Wilson's, for 10 and 990 of 1,000.
      fromInterval: [expect.closeTo(0.0054, 4), expect.closeTo(0.0183, 4)],
      toInterval: [expect.closeTo(0.9817, 4), expect.closeTo(0.9946, 4)],
      confidence: 0.999,
    },
  ]);
  expect(announced(points)).toEqual([
    { type: "detected", transition: { ...transitions[0], settledStep: null, to: null, toInterval: null } },
    { type: "settled", transition: transitions[0] },
  ]);
});

test("a loss is a regression, and what comes back is a second generalization", () => {
  const points = pair(START, [12, 1, 0.99], [12, 1, 0.2], [12, 1, 0.99]);
  expect(judge(points, NO_CHANCE).transitions).toMatchObject([
    { kind: "generalization", ordinal: 1, onsetStep: 0 },
    { kind: "regression", ordinal: 1, onsetStep: 120, settledStep: 130, from: 0.99, to: 0.2 },
    { kind: "generalization", ordinal: 2, onsetStep: 240, settledStep: 250, from: 0.2, to: 0.99 },
  ]);
});

/** From one level to just before another, evenly, with train fitted. */
const ramp = (from: number, to: number, count: number) =>
  Array.from({ length: count }, (_, i): [number, number, number] => [1, 1, from + ((to - from) * i) / count]);

test.each([
  {
    name: "slow, one checkpoint like another",
    points: pair(START, [20, 1, 0.9], ...ramp(0.9, 0.45, 45), [20, 1, 0.45]),
    // A tenth of the fall is over five checkpoints after it began; at its announcement it is taken for half over.
    onsets: [200, 260],
  },
  {
    name: "after a rest on its way",
    points: pair(START, [20, 1, 0.99], [40, 1, 0.88], [12, 1, 0.7]),
    onsets: [200, 200],
  },
  {
    name: "amid a rise",
    points: pair(START, [10, 1, 0.01], ...ramp(0.01, 0.8, 16), [5, 1, 0.8], [12, 1, 0.05]),
    onsets: [310, 310],
  },
  {
    name: "after dips that were made good",
    points: pair(START, [20, 1, 0.95], [3, 1, 0.4], [8, 1, 0.93], [3, 1, 0.4], [8, 1, 0.93], [12, 1, 0.3]),
    onsets: [420, 420],
  },
  {
    name: "that follows one that was made good in part",
    points: pair(START, [15, 1, 0.99], [12, 1, 0.3], [20, 1, 0.85], [12, 1, 0.3]),
    onsets: [470, 470],
    from: 0.85,
  },
])("a loss is dated from the highest level held: $name", ({ points, onsets, from }) => {
  const loss = judge(points, NO_CHANCE).transitions.findLast(({ kind }) => kind === "regression");
  const [earliest = 0, latest = 0] = onsets;
  expect(loss?.onsetStep).toBeGreaterThanOrEqual(earliest);
  expect(loss?.onsetStep).toBeLessThanOrEqual(latest);
  if (from !== undefined) expect(loss?.from).toBeCloseTo(from, 2);
});

test.each([
  { name: "noise inside the floor band", points: pair([10, 1, 0.01], [10, 1, 0.08], [10, 1, 0.03]) },
  { name: "a single checkpoint up", points: pair([10, 1, 0.01], [1, 1, 0.9], [10, 1, 0.01]) },
  { name: "a single checkpoint down", points: pair([10, 1, 0.99], [1, 1, 0.1], [10, 1, 0.99]) },
  { name: "a change under .05", points: pair([10, 1, 0.5], [20, 1, 0.54]) },
  { name: "train alone", points: pair([10, 0.01, 0.01], [20, 1, 0.01]) },
  {
    name: "four examples",
    points: trace(
      [
        { count: 9, ood: { "ood:shift": 0.01 } },
        { count: 9, ood: { "ood:shift": 0.25 } },
      ],
      { total: 4 },
    ),
  },
])("no transition: $name", ({ points }) => {
  expect(announced(points)).toEqual([]);
});

test("a rise that does not hold was announced, and settles where it came from", () => {
  const { verdict, transitions } = judge(pair(START, [15, 1, 0.01], [4, 1, 0.9], [10, 1, 0.01]), NO_CHANCE);
  expect(transitions).toMatchObject([{ kind: "generalization", onsetStep: 150, settledStep: 200, to: 0.01 }]);
  expect(verdict).toBe("memorizer");
});

test("a slow climb is one event", () => {
  const climb: [number, number, number][] = Array.from({ length: 100 }, (_, i) => [1, 1, Math.min(0.99, i / 100)]);
  expect(judge(pair(START, [10, 1, 0], ...climb, [20, 1, 0.99]), NO_CHANCE).transitions).toHaveLength(1);
});

test("the norm's fall across a crossing is coincident, and never a condition", () => {
  const crossing = (norm: [number, number][]) =>
    judge(
      trace([
        { count: 1, train: 0, ood: { "ood:shift": 0 }, norm: [40, 40] },
        { count: 15, train: 1, ood: { "ood:shift": 0 }, norm: norm[0] ?? [50, 50] },
        { count: 15, train: 1, ood: { "ood:shift": 1 }, norm: norm[1] ?? [50, 50] },
      ]),
      NO_CHANCE,
    );
  expect(
    crossing([
      [50, 50],
      [49, 40],
    ]),
  ).toMatchObject({
    verdict: "generalizer",
    evidence: { weightNorm: { peak: 50, peakStep: 10, now: 40, trend: "falling", coincident: true } },
  });
  expect(
    crossing([
      [50, 55],
      [55, 60],
    ]),
  ).toMatchObject({
    verdict: "generalizer",
    evidence: { weightNorm: { now: 60, trend: "rising", coincident: false } },
  });
});
