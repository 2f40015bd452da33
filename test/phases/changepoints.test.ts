import { describe, expect, test } from "vitest";
import { NOISES, unchanged } from "../../bench/changepoints/generated.ts";
import { covering, f1 } from "../../bench/changepoints/score.ts";
import { findChangePoints } from "../../src/phases/changepoints.ts";
import { TrajectoryError } from "../../src/phases/error.ts";

/** White noise of standard deviation `noise` about the levels, each held for `each` values. */
function held(levels: readonly number[], each: number, noise: number): number[] {
  const random = unchanged("white", Math.ceil((levels.length * each) / 200)).flatMap(({ series }) => series[0] ?? []);
  return levels.flatMap((level, k) =>
    Array.from({ length: each }, (_, i) => level + noise * (random[k * each + i] ?? 0)),
  );
}

describe("findChangePoints", () => {
  test.each([
    { name: "one step", values: held([0, 1], 50, 0.1), want: [50] },
    { name: "two steps up", values: held([0, 1, 2], 50, 0.1), want: [50, 100] },
    { name: "up and back", values: held([5, 9, 5], 40, 0.3), want: [40, 80] },
    { name: "steps without noise", values: held([2, 7, 1], 30, 0), want: [30, 60] },
    { name: "no step", values: held([1], 100, 0.1), want: [] },
    { name: "one straight line", values: Array.from({ length: 100 }, (_, i) => 3 * i), want: [] },
    { name: "constant", values: new Array<number>(100).fill(0.1), want: [] },
    { name: "five values", values: [0, 0, 0, 9, 9], want: [] },
    { name: "nothing", values: [], want: [] },
    { name: "a lone spike", values: held([0], 100, 0.1).with(50, 40), want: [] },
  ])("$name", ({ values, want }) => {
    expect(findChangePoints(values)).toEqual(want);
  });

  test("finds the joint of two slopes to within a value", () => {
    const bent = held([0], 120, 0.05).map((value, i) => value + (i < 70 ? 0.1 * i : 7 - 0.2 * (i - 70)));
    const found = findChangePoints(bent);
    expect(found).toHaveLength(1);
    expect(Math.abs((found[0] ?? 0) - 70)).toBeLessThanOrEqual(1);
  });

  test.each([
    { by: 1e-9, plus: 0 },
    { by: 250, plus: -1e4 },
    { by: -3, plus: 2 },
    { by: 1e150, plus: 0 },
  ])("is the same for x -> $by x + $plus", ({ by, plus }) => {
    const values = held([0, 1, 0.2, 0.9], 40, 0.2);
    expect(findChangePoints(values)).toEqual([40, 80, 120]);
    expect(findChangePoints(values.map((value) => by * value + plus))).toEqual([40, 80, 120]);
  });

  test.each(NOISES)("reports next to nothing where nothing changes: %s noise", (noise) => {
    const found = unchanged(noise, 50).map(({ series }) => findChangePoints(series));
    expect(found.filter((points) => points.length > 0).length).toBeLessThanOrEqual(2);
  });

  test("reports next to nothing where most neighbours are equal: their median difference is 0", () => {
    const mostlyHeld = unchanged("white", 50).map(({ series }) =>
      Array.from({ length: 400 }, (_, i) => series[0]?.[Math.floor(i / 5)] ?? 0),
    );
    const found = mostlyHeld.map((values) => findChangePoints(values));
    expect(found.filter((points) => points.length > 0).length).toBeLessThanOrEqual(10);
  });

  test("finds a change that several series share and not each shows alone", () => {
    const weak = unchanged("white", 8).map(({ series }) =>
      (series[0] ?? []).map((value, i) => value + (i < 100 ? 0 : 0.8)),
    );
    const alone = weak.map((values) => findChangePoints(values));
    const together = findChangePoints(weak);
    expect(alone.some((points) => points.length === 0)).toBe(true);
    expect(together).toHaveLength(1);
    expect(Math.abs((together[0] ?? 0) - 100)).toBeLessThanOrEqual(3);
  });

  test("dates a change to the value in a series longer than the grid", () => {
    expect(findChangePoints(held([0, 1], 7001, 0.1))).toEqual([7001]);
  });

  test("a higher penalty leaves the plainer change only", () => {
    const values = held([0, 3, 9], 40, 0.2);
    expect(findChangePoints(values)).toEqual([40, 80]);
    expect(findChangePoints(values, { penalty: 12 })).toEqual([80]);
  });

  test.each([
    { name: "NaN", call: () => findChangePoints([1, 2, Number.NaN, 4]), code: "invalid_result" },
    { name: "infinity", call: () => findChangePoints([1, 2, 3, Infinity]), code: "invalid_result" },
    { name: "lengths that differ", call: () => findChangePoints([[1, 2], [1]]), code: "invalid_result" },
    { name: "no penalty", call: () => findChangePoints([1, 2], { penalty: 0 }), code: "invalid_options" },
  ])("refuses $name", ({ call, code }) => {
    expect(call).toThrow(expect.objectContaining({ name: TrajectoryError.name, code }));
  });
});

describe("scores of the benchmark", () => {
  test.each([
    { name: "the annotator's own", annotators: [[4, 7]], found: [4, 7], cover: 1, score: 1 },
    { name: "none found of one", annotators: [[10]], found: [], cover: 0.5, score: 2 / 3 },
    { name: "one found of none", annotators: [[]], found: [10], cover: 0.5, score: 2 / 3 },
    { name: "within the margin", annotators: [[10]], found: [15], cover: (10 / 15 + 5 / 10) / 2, score: 1 },
    { name: "past the margin", annotators: [[10]], found: [16], cover: (10 / 16 + 4 / 10) / 2, score: 0.5 },
    { name: "two annotators", annotators: [[], [10]], found: [10], cover: 0.75, score: 1 },
  ])("$name", ({ annotators, found, cover, score }) => {
    expect(covering(annotators, found, 20)).toBeCloseTo(cover, 10);
    expect(f1(annotators, found)).toBeCloseTo(score, 10);
  });
});
