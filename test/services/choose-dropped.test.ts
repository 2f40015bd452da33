import { expect, test } from "vitest";
import { chooseDropped, KEPT_AROUND, KEPT_NEWEST } from "../../src/services/checkpoint/choose-dropped.ts";

interface Row {
  step: number;
  dropped: boolean;
  pending: boolean;
}

const rows = (count: number): Row[] =>
  Array.from({ length: count }, (_, n) => ({ step: n * 100, dropped: false, pending: false }));
const kept = (all: Row[], dropped: Row[]) =>
  all.filter((row) => !row.dropped && !dropped.includes(row)).map((row) => row.step / 100);
const older = (positions: number[], count: number) => positions.filter((n) => n < count - KEPT_NEWEST);

test("of the older each n-th is kept, from the first on, and all of the newest", () => {
  const all = rows(300);
  const left = kept(all, chooseDropped(all, 25, []));
  expect(older(left, 300)).toEqual([0, 25, 50, 75, 100, 125, 150, 175]);
  expect(left.filter((n) => n >= 200)).toHaveLength(KEPT_NEWEST);
  expect(chooseDropped(rows(KEPT_NEWEST), 2, [])).toEqual([]);
});

test.each([
  { name: "that settled", crossing: { from: 4000, to: 5000 }, first: 40, last: 50 },
  { name: "at the very beginning", crossing: { from: 0, to: 300 }, first: 0, last: 3 },
  { name: "that has not settled", crossing: { from: 15000, to: null }, first: 150, last: 300 },
])("around a transition $name all are kept", ({ crossing, first, last }) => {
  const all = rows(300);
  const left = new Set(kept(all, chooseDropped(all, 50, [crossing])));
  for (let n = Math.max(0, first - KEPT_AROUND); n <= Math.min(299, last + KEPT_AROUND); n += 1) {
    expect(left.has(n), `${n}`).toBe(true);
  }
  expect(left.size).toBeLessThan(300);
});

test("one that is still to be evaluated is kept", () => {
  const all = rows(300).map((row) => ({ ...row, pending: row.step === 700 }));
  expect(kept(all, chooseDropped(all, 50, [])).slice(0, 3)).toEqual([0, 7, 57]);
});

test("again and again it drops nothing more, and those that come between drop none that was kept", () => {
  const once = rows(400);
  for (const row of chooseDropped(once, 10, [])) row.dropped = true;
  expect(chooseDropped(once, 10, [])).toEqual([]);
  const more = [...once, ...[33, 1234, 1235, 2077].map((step) => ({ step, dropped: false, pending: false }))];
  more.sort((a, b) => a.step - b.step);
  expect(chooseDropped(more, 10, []).map(({ step }) => step)).toEqual([33, 1234, 1235, 2077]);
});
