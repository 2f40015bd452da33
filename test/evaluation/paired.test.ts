import { expect, test } from "vitest";
import { benjaminiHochberg, mcnemar, pairedBootstrap } from "../../src/evaluation/paired.ts";

// By hand: 2 (sum of C(n, k) for k up to the fewer) / 2^n, at most 1.
test.each([
  { gained: 0, lost: 0, p: 1 },
  { gained: 1, lost: 0, p: 1 },
  { gained: 5, lost: 0, p: 2 / 32 },
  { gained: 0, lost: 6, p: 2 / 64 },
  { gained: 8, lost: 2, p: (2 * (1 + 10 + 45)) / 1024 },
  { gained: 5, lost: 5, p: 1 },
])("$gained gained and $lost lost have p = $p", ({ gained, lost, p }) => {
  expect(mcnemar(gained, lost)).toBeCloseTo(p, 12);
});

test("thousands of flips have a probability too: near the normal tail", () => {
  // z = (5200 - 4800 - 1) / 100 = 3.99: two-sided 6.6e-5.
  expect(mcnemar(5200, 4800)).toBeGreaterThan(6.4e-5);
  expect(mcnemar(5200, 4800)).toBeLessThan(6.8e-5);
  expect(mcnemar(131_072, 0)).toBe(0);
});

// The example of Benjamini and Hochberg 1995, section 3.2: at .05 the first four of fifteen are called.
test("probabilities are adjusted as in the paper's example", () => {
  const p = [
    1e-4, 4e-4, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
  ];
  const adjusted = benjaminiHochberg(p);
  expect(adjusted.filter((value) => value <= 0.05).length).toBe(4);
  expect(adjusted[3]).toBeCloseTo((0.0095 * 15) / 4, 12);
  // The later one is less, and nothing is adjusted beyond what comes after it.
  expect(adjusted[5]).toBeCloseTo((0.0298 * 15) / 7, 12);
  expect(benjaminiHochberg([...p].reverse())).toEqual([...adjusted].reverse());
  expect(benjaminiHochberg([])).toEqual([]);
});

const wave = (length: number, scale: number) => Float64Array.from({ length }, (_, n) => scale * Math.sin(n * 1.7));

test("the interval of a change is as wide as the spread of the differences says, and a seed gives it again", () => {
  const before = wave(256, 1).map((value) => value + 2);
  const after = before.map((value, n) => value - 0.1 + (n % 2 === 0 ? 0.5 : -0.5));
  const found = pairedBootstrap(before, after, 256, 1);
  expect(found).toEqual(pairedBootstrap(before, after, 256, 1));
  expect(found).not.toEqual(pairedBootstrap(before, after, 256, 2));
  expect(found?.change).toBeCloseTo(-0.1, 12);
  // Standard error .5 / 16; Efron's interval is within a tenth of ± 1.96 of them.
  const half = (1.96 * 0.5) / 16;
  expect(Math.abs((found?.interval[0] ?? 0) - (-0.1 - half))).toBeLessThan(half / 10);
  expect(Math.abs((found?.interval[1] ?? 0) - (-0.1 + half))).toBeLessThan(half / 10);
  // Two-sided tail of z = 3.2.
  expect(found?.p).toBeLessThan(0.006);
});

test("no difference at all is no change", () => {
  const same = wave(64, 1);
  expect(pairedBootstrap(same, same, 64, 1)).toEqual({ change: 0, interval: [0, 0], p: 1 });
});

test("a loss that is no number compares with nothing", () => {
  expect(pairedBootstrap([1, Number.NaN], [1, 2], 2, 1)).toBeNull();
});

test("under no change, few are called at .05: the bootstrap holds its level", () => {
  let called = 0;
  for (let seed = 1; seed <= 200; seed += 1) {
    // Differences of mean zero that have nothing to do with the generator's own seed.
    const before = wave(100, 0);
    const after = Float64Array.from({ length: 100 }, (_, n) => Math.sin((n + 1) * seed * 12.9898) * 43758.5453).map(
      (value) => value - Math.floor(value) - 0.5,
    );
    if ((pairedBootstrap(before, after, 100, seed)?.p ?? 0) <= 0.05) called += 1;
  }
  expect(called).toBeLessThanOrEqual(24);
});
