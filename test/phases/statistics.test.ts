import { expect, test } from "vitest";
import { confidenceOfChange, examplesUntil, jitter, median, wilson } from "../../src/phases/statistics.ts";

// The examples of Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
test.each([
  { correct: 81, total: 263, want: [0.2553, 0.3662] },
  { correct: 15, total: 148, want: [0.0624, 0.1605] },
  { correct: 0, total: 20, want: [0, 0.1611] },
  { correct: 1, total: 29, want: [0.0061, 0.1718] },
])("Wilson interval of $correct of $total", ({ correct, total, want }) => {
  const interval = wilson(correct / total, total);
  expect(interval[0]).toBeCloseTo(want[0] ?? Number.NaN, 4);
  expect(interval[1]).toBeCloseTo(want[1] ?? Number.NaN, 4);
});

test("an end of the interval is the rate that the observed one is 1.96 of its own standard errors from", () => {
  for (const end of wilson(0.98, 169)) {
    expect(Math.abs(0.98 - end) / Math.sqrt((end * (1 - end)) / 169)).toBeCloseTo(1.96, 3);
  }
});

test("the examples that tell are the fewest that do", () => {
  const tells = ([low, high]: [number, number]) => high - low <= 0.1;
  const enough = examplesUntil(0.5, tells);
  expect(tells(wilson(0.5, enough))).toBe(true);
  expect(tells(wilson(0.5, enough - 1))).toBe(false);
});

test("medians, and a jitter that one jump does not move", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(jitter([0, 0, 0, 0, 1, 1, 1, 1])).toBe(0);
});

test("confidence grows with the examples and is never certainty", () => {
  const confidences = [10, 40, 160, 100_000].map((total) => confidenceOfChange(0.1, 0.2, total, 0));
  expect(confidences).toEqual(confidences.toSorted((a, b) => a - b));
  expect(confidences.at(-1)).toBe(0.999);
  expect(confidenceOfChange(0.5, 0.5, 100, 0)).toBe(0.5);
});
