import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { benjaminiHochberg, mcnemar, pairedBootstrap } from "../../src/evaluation/paired.ts";
import { wilson } from "../../src/phases/statistics.ts";

interface Reference {
  wilson: { correct: number; total: number; interval: [number, number] }[];
  mcnemar: { gained: number; lost: number; p: number }[];
  benjaminiHochberg: { p: number[]; adjusted: number[] }[];
  pairedBootstrap: { before: number[]; after: number[]; change: number; interval: [number, number] };
}

/** By SciPy: test/fixtures/statistics/make.py wrote it. */
const reference: Reference = JSON.parse(
  readFileSync(join(import.meta.dirname, "../fixtures/statistics/reference.json"), "utf8"),
);

/** The same but for rounding, however small the two are. */
function expectClose(found: number, wanted: number, relative: number): void {
  expect(Math.abs(found - wanted)).toBeLessThanOrEqual(relative * Math.abs(wanted));
}

test.each(reference.wilson)("Wilson interval of $correct of $total", ({ correct, total, interval }) => {
  const found = wilson(correct / total, total);
  // Ours has 1.96 with six decimals.
  for (const end of [0, 1] as const) expect(found[end]).toBeCloseTo(interval[end], 7);
});

test.each(reference.mcnemar)("exact McNemar test of $gained gained and $lost lost", ({ gained, lost, p }) => {
  expectClose(mcnemar(gained, lost), p, 1e-9);
  expect(mcnemar(lost, gained)).toBe(mcnemar(gained, lost));
});

test.each(reference.benjaminiHochberg)("adjusted for their number: $p", ({ p, adjusted }) => {
  const found = benjaminiHochberg(p);
  for (const [n, wanted] of adjusted.entries()) expectClose(found[n] ?? Number.NaN, wanted, 1e-12);
  // Monotone: who had the smaller probability keeps the smaller one.
  const order = p.map((_, n) => n).sort((a, b) => (p[a] ?? 0) - (p[b] ?? 0));
  const sorted = order.map((n) => found[n] ?? Number.NaN);
  expect(sorted).toEqual(sorted.toSorted((a, b) => a - b));
  for (const [n, value] of found.entries()) expect(value).toBeGreaterThanOrEqual(p[n] ?? Number.NaN);
});

test("the paired bootstrap's interval is that of a hundred times as many resamples, within their spread", () => {
  const { before, after, change, interval } = reference.pairedBootstrap;
  const width = interval[1] - interval[0];
  for (const seed of [1, 2, 3]) {
    const found = pairedBootstrap(before, after, before.length, seed);
    expect(found?.change).toBeCloseTo(change, 12);
    for (const end of [0, 1] as const) {
      expect(Math.abs((found?.interval[end] ?? Number.NaN) - interval[end])).toBeLessThan(0.05 * width);
    }
  }
});
