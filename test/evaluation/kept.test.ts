import { expect, test } from "vitest";
import { hasBit, packBits } from "../../src/evaluation/bits.ts";
import { addBlockLosses, blocksOf, keep, MAX_KEPT_ITEMS } from "../../src/evaluation/kept.ts";
import type { Tally } from "../../src/evaluation/metrics.ts";

const tally = (correctness: number[], rowLosses: number[]): Tally => ({
  correct: 0,
  total: 0,
  lossSum: 0,
  classes: null,
  correctness: Uint8Array.from(correctness),
  rowLosses: Float64Array.from(rowLosses),
});

test("bits come back as they were packed", () => {
  const flags = Array.from({ length: 21 }, (_, n) => (n * 7) % 3 === 0);
  const packed = packBits(flags.map(Number));
  expect(packed.length).toBe(3);
  expect(flags.map((_, n) => hasBit(packed, n))).toEqual(flags);
});

test.each([
  { splitRows: 10, cut: 3 },
  { splitRows: 1000, cut: 313 },
  { splitRows: 256, cut: 255 },
])("$splitRows rows cut at $cut have the blocks that they have in one piece", ({ splitRows, cut }) => {
  const losses = Array.from({ length: splitRows }, (_, n) => (n % 17) / 16);
  const sumOf = (...cuts: [number, number][]) => {
    const sums = new Float64Array(blocksOf(splitRows));
    for (const [from, to] of cuts) {
      const span = { splitRows, firstRow: from, rows: to - from };
      const part = losses.slice(from, to);
      addBlockLosses(sums, keep(tally(part.map(Number), part), span).blockLosses, span);
    }
    return Array.from(sums);
  };
  const whole = sumOf([0, splitRows]);
  expect(sumOf([0, cut], [cut, splitRows])).toEqual(whole);
  expect(whole.length).toBe(Math.min(splitRows, 256));
  expect(whole.reduce((a, b) => a + b, 0)).toBeCloseTo(
    losses.reduce((a, b) => a + b, 0),
    9,
  );
});

test("of a split with too many items no bits are kept, whichever shard asks", () => {
  const span = (splitRows: number) => ({ splitRows, firstRow: 0, rows: 2 });
  expect(keep(tally([1, 0], [0, 1]), span(MAX_KEPT_ITEMS)).correctness).toEqual(Uint8Array.of(1));
  expect(keep(tally([1, 0], [0, 1]), span(MAX_KEPT_ITEMS + 1)).correctness).toBeNull();
});
