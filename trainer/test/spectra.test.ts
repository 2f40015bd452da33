import { describe, expect, test } from "vitest";
import { createRandom } from "../src/random.ts";
import { effectiveRank, LARGEST_SIDE, measureSpectrum, powerLawExponent, singularValues } from "../src/spectra.ts";

const normals = (count: number, seed = 0) => {
  const random = createRandom(seed, "spectra");
  return Float32Array.from({ length: count }, () => random.normal());
};

test("singular values are those worked out by hand", () => {
  // [[3, 0], [4, 5]]: the eigenvalues of its Gram matrix [[25, 20], [20, 25]] are 45 and 5.
  const values = singularValues(2, 2, Float32Array.of(3, 0, 4, 5));
  expect(values[0]).toBeCloseTo(Math.sqrt(45), 9);
  expect(values[1]).toBeCloseTo(Math.sqrt(5), 9);
});

test.each([
  [20, 60],
  [60, 20],
])("the squared singular values of a %i x %i matrix sum to its squared norm", (rows, columns) => {
  const matrix = normals(rows * columns);
  const { norm } = measureSpectrum([rows, columns], matrix);
  const singular = singularValues(rows, columns, matrix);
  expect(singular).toHaveLength(20);
  expect(Math.sqrt(singular.reduce((sum, value) => sum + value ** 2, 0))).toBeCloseTo(norm, 6);
});

// ml-matrix's own decomposition of these two does not end.
test.each([
  { name: "all ones", rows: 64, columns: 64, element: () => 1 },
  {
    name: "signs in turn",
    rows: 114,
    columns: 108,
    element: (n: number) => ((n % 108) ^ Math.floor(n / 108)) & 1 || -1,
  },
])("a matrix of $name has one singular value above zero", ({ rows, columns, element }) => {
  const values = Float32Array.from({ length: rows * columns }, (_, n) => element(n));
  const [largest = 0, ...others] = singularValues(rows, columns, values);
  expect(largest).toBeCloseTo(Math.sqrt(rows * columns), 9);
  expect(others).toEqual(new Array(Math.min(rows, columns) - 1).fill(0));
});

describe("effective rank", () => {
  test.each([
    { name: "equal values count fully", values: [2, 2, 2, 2], rank: 4 },
    { name: "zeros do not count", values: [5, 0, 0], rank: 1 },
    // Shares 1/2, 1/4, 1/4: entropy 1.5 ln 2.
    { name: "unequal ones count in part", values: [2, 1, 1], rank: 2 ** 1.5 },
  ])("$name", ({ values, rank }) => {
    expect(effectiveRank(values)).toBeCloseTo(rank, 12);
  });
});

describe("the power law's exponent", () => {
  // Quantiles of p(x) ~ x^-alpha from 1 up: (1 - u)^(-1 / (alpha - 1)).
  const powerLaw = (alpha: number, count: number) => {
    const random = createRandom(1, "power law");
    return Array.from({ length: count }, () => (1 - random.uniform()) ** (-1 / (alpha - 1)));
  };

  test.each([1.5, 2.5, 4])("of a sample is found: %f", (alpha) => {
    // Hill's standard error is (alpha - 1) / sqrt(n); four of them, and the least value is chosen too.
    const found = powerLawExponent(powerLaw(alpha, 1000)) ?? Number.NaN;
    expect(Math.abs(found - alpha)).toBeLessThan((4 * (alpha - 1)) / Math.sqrt(1000) + 0.1 * (alpha - 1));
  });

  test("is that of the tail, whatever lies below it", () => {
    const random = createRandom(2, "bulk");
    const bulk = Array.from({ length: 1000 }, () => random.uniform());
    const found = powerLawExponent([...bulk, ...powerLaw(2.5, 1000)]) ?? Number.NaN;
    expect(Math.abs(found - 2.5)).toBeLessThan(0.4);
  });

  test("does not depend on the scale", () => {
    const sample = powerLaw(3, 50);
    expect(powerLawExponent(sample.map((value) => value * 7))).toBeCloseTo(powerLawExponent(sample) ?? 0, 9);
  });

  test("is null for too few eigenvalues, or equal ones", () => {
    expect(powerLawExponent(powerLaw(2, 9))).toBeNull();
    expect(powerLawExponent(Array(20).fill(1))).toBeNull();
  });
});

test.each([
  { name: "zero", shape: [2, 2], values: new Float32Array(4), norm: 0 },
  { name: "not finite", shape: [1, 2], values: Float32Array.of(1, Number.POSITIVE_INFINITY), norm: Infinity },
  {
    name: "too large",
    shape: [LARGEST_SIDE + 1, LARGEST_SIDE + 1],
    values: new Float32Array((LARGEST_SIDE + 1) ** 2).fill(1),
    norm: LARGEST_SIDE + 1,
  },
])("a matrix that is $name has a norm and no spectrum", ({ shape, values, norm }) => {
  expect(measureSpectrum(shape, values)).toEqual({ norm, effectiveRank: null, alpha: null });
});
