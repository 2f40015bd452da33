import { expect, test } from "vitest";
import { linearScale, logStepScale, thin } from "../../src/pages/scale.ts";

test.each([
  { low: 0, high: 1, ticks: [0, 0.2, 0.4, 0.6, 0.8, 1] },
  { low: 0, high: 1500, ticks: [0, 500, 1000, 1500] },
  { low: 48.3, high: 53.4, ticks: [50, 52] },
])("labels round values between $low and $high", ({ low, high, ticks }) => {
  expect(linearScale(low, high, 0, 100, 5).ticks).toEqual(ticks);
});

test("puts a decade of steps at equal distances on the logarithmic axis", () => {
  const { at, ticks } = logStepScale(0, 10_000, 0, 400);
  expect(ticks).toEqual([0, 1, 10, 100, 1000, 10_000]);
  expect(at(0)).toBe(0);
  expect(at(10_000)).toBeCloseTo(400);
  expect(at(1000) - at(100)).toBeCloseTo(at(10_000) - at(1000), 0);
});

test("keeps a dip of a single checkpoint however many points it hides among", () => {
  const curve = Array.from({ length: 100_000 }, (_, x): [number, number] => [x, x === 54_321 ? 0.2 : 0.9]);
  const drawn = thin(curve, 900);
  expect(drawn.length).toBeLessThan(4000);
  expect(drawn).toContainEqual([54_321, 0.2]);
  expect(drawn[0]).toEqual([0, 0.9]);
  expect(drawn.at(-1)).toEqual([99_999, 0.9]);
});
