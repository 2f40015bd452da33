import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Announcement,
  append,
  begin,
  conclude,
  type FoldState,
  judge,
  type Point,
} from "../../src/phases/judge.ts";
import { NO_CHANCE } from "./trajectories.ts";

const TOTAL = 200;

/** A walk between levels with jitter: made so that crossings, losses and dips are common. */
const walk = fc
  .array(fc.tuple(fc.constantFrom(0.01, 0.3, 0.6, 0.97, 1), fc.integer({ min: 1, max: 14 })), {
    minLength: 1,
    maxLength: 6,
  })
  .chain((stretches) => {
    const levels = stretches.flatMap(([level, count]) => Array.from({ length: count }, () => level));
    return fc
      .array(fc.integer({ min: -8, max: 8 }), { minLength: levels.length, maxLength: levels.length })
      .map((jitter) =>
        levels.map((level, i) => Math.min(TOTAL, Math.max(0, Math.round(level * TOTAL) + (jitter[i] ?? 0)))),
      );
  });

const trajectory: fc.Arbitrary<Point[]> = fc
  .record({
    ood: walk,
    other: walk,
    train: walk,
    gaps: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 9 }),
  })
  .map(({ ood, other, train, gaps }) => {
    let step = 0;
    return ood.map((correct, i) => {
      step += gaps[i % gaps.length] ?? 1;
      const splits = {
        "ood:shift": { correct, total: TOTAL },
        "ood:other": { correct: other[i % other.length] ?? 0, total: TOTAL },
        validation: { correct: other[(i + 5) % other.length] ?? 0, total: TOTAL },
        train: { correct: train[i % train.length] ?? 0, total: TOTAL },
      };
      return { step, splits, weightNorm: 40 + ((i * 7) % 11) };
    });
  });

function fold(points: readonly Point[], through = (state: FoldState) => state) {
  let state = begin(NO_CHANCE);
  const announcements: Announcement[] = [];
  for (const point of points) {
    const next = append(state, point);
    state = through(next.state);
    announcements.push(...next.announcements);
  }
  return { state, announcements };
}

test("the verdict is a function of the set of points", () => {
  const shuffled = trajectory.chain((points) =>
    fc.tuple(fc.constant(points), fc.shuffledSubarray(points, { minLength: points.length })),
  );
  fc.assert(
    fc.property(shuffled, ([points, arrived]) => {
      expect(judge([...arrived, ...arrived.slice(0, 3)], NO_CHANCE)).toEqual(judge(points, NO_CHANCE));
    }),
  );
});

/** What a database's jsonb does to a document: it keeps the values, and the keys in an order of its own. */
const reorder = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reorder);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, reorder(inner)] as const)
      .toSorted(([a], [b]) => a.length - b.length || (a < b ? 1 : -1)),
  );
};

test("folding point by point, through a store of JSON, concludes as judging at once", () => {
  fc.assert(
    fc.property(trajectory, (points) => {
      const { state } = fold(points, (stored) => reorder(JSON.parse(JSON.stringify(stored))) as FoldState);
      expect(conclude(state)).toEqual(judge(points, NO_CHANCE));
    }),
  );
});

test("the first k points announce exactly what was announced at k, and nothing announced moves", () => {
  fc.assert(
    fc.property(trajectory, fc.nat(), (points, cut) => {
      const k = cut % (points.length + 1);
      const whole = fold(points);
      const part = fold(points.slice(0, k));
      const reached = points[k - 1]?.step ?? -1;
      expect(whole.announcements.slice(0, part.announcements.length)).toEqual(part.announcements);
      const early = whole.announcements.filter(
        ({ type, transition }) => type === "detected" && transition.detectedAtStep <= reached,
      );
      expect(part.announcements.filter(({ type }) => type === "detected")).toEqual(early);

      const { transitions } = conclude(whole.state);
      for (const { transition } of part.announcements) {
        const { settledStep, to, toInterval, ...fixed } = transition;
        expect(transitions).toContainEqual(expect.objectContaining(settledStep === null ? fixed : transition));
        expect([to === null, toInterval === null]).toEqual([settledStep === null, settledStep === null]);
      }
    }),
  );
});

test("steps of a transition are in order", () => {
  fc.assert(
    fc.property(trajectory, (points) => {
      for (const { onsetStep, settledStep, detectedAtStep } of judge(points, NO_CHANCE).transitions) {
        expect(onsetStep).toBeLessThan(detectedAtStep);
        expect(settledStep ?? onsetStep + 1).toBeGreaterThan(onsetStep);
      }
    }),
  );
});

test("append leaves its argument alone", () => {
  fc.assert(
    fc.property(trajectory, (points) => {
      const { state } = fold(points.slice(0, -1));
      const before = JSON.stringify(state);
      const last = points.at(-1);
      if (last !== undefined) append(state, last);
      expect(JSON.stringify(state)).toBe(before);
    }),
  );
});

test("the state does not grow with the trajectory", () => {
  const size = (count: number) => {
    const points = Array.from({ length: count }, (_, i) => ({
      step: i,
      splits: { train: { correct: 200, total: TOTAL }, "ood:shift": { correct: i % 7, total: TOTAL } },
      weightNorm: 40,
    }));
    return JSON.stringify(fold(points).state).length;
  };
  // What is remembered is full by then.
  expect(size(2000)).toBeLessThan(size(300) * 1.1);
});

test("the onset of a slow climb that gathers pace is before what announced it", () => {
  const climb = fc.record({
    from: fc.double({ min: 0.15, max: 0.6, noNaN: true }),
    rise: fc.double({ min: 0.05, max: 0.35, noNaN: true }),
    length: fc.integer({ min: 5, max: 80 }),
    power: fc.double({ min: 1, max: 6, noNaN: true }),
  });
  fc.assert(
    fc.property(climb, ({ from, rise, length, power }) => {
      const total = 100_000;
      const points = Array.from({ length: 40 + length + 30 }, (_, i) => {
        const share = Math.min(1, Math.max(0, (i - 40) / length)) ** power;
        const correct = Math.round(total * (from + rise * share)) + ((i * 7) % 5);
        return { step: i, splits: { "ood:shift": { correct, total }, train: { correct: total, total } } };
      });
      for (const { onsetStep, settledStep, detectedAtStep } of judge(points, NO_CHANCE).transitions) {
        expect(onsetStep).toBeLessThan(detectedAtStep);
        expect(settledStep ?? Number.POSITIVE_INFINITY).toBeGreaterThan(onsetStep);
      }
    }),
    { numRuns: 300 },
  );
});
