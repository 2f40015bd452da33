import { expect, test } from "vitest";
import { cutBefore } from "../../src/evaluation/kept.ts";
import { planShards } from "../../src/evaluation/plan.ts";

const units = (shards: { unit: number }[]) => new Set(shards.map(({ unit }) => unit)).size;

test("a small suite is one unit with a shard for each split", () => {
  const splits = [
    { name: "train", rows: 500, total: 500 },
    { name: "validation", rows: 200, total: 200 },
  ];
  expect(planShards(splits, 1000)).toEqual([
    { ordinal: 0, unit: 0, split: "train", firstRow: 0, rows: 500 },
    { ordinal: 1, unit: 0, split: "validation", firstRow: 0, rows: 200 },
  ]);
});

test("a row of many tokens costs as much as as many rows", () => {
  const rows = 6000;
  expect(units(planShards([{ name: "train", rows, total: rows }], 1e6))).toBe(1);
  expect(units(planShards([{ name: "train", rows, total: 20 * rows }], 1e6))).toBe(3);
});

test.each([
  { name: "rows that fit no unit", rows: 200, total: 200, parameters: 1e12 },
  { name: "a remainder", rows: 15_001, total: 15_001, parameters: 1e6 },
  { name: "many tokens", rows: 15_001, total: 15_001 * 7, parameters: 1e6 },
  { name: "no parameters", rows: 3, total: 3, parameters: 0 },
])("$name: every row of every split is in one shard, and only the last of a split is small", (given) => {
  const splits = ["train", "validation"].map((name) => ({ name, rows: given.rows, total: given.total }));
  const plan = planShards(splits, given.parameters);
  expect(plan.map(({ ordinal }) => ordinal)).toEqual(plan.map((_, n) => n));
  for (const { name } of splits) {
    const own = plan.filter(({ split }) => split === name);
    let next = 0;
    for (const { firstRow, rows } of own) {
      expect(firstRow).toBe(next);
      next += rows;
    }
    expect(next).toBe(given.rows);
    expect(own.slice(0, -1).every(({ rows }) => rows >= 64)).toBe(true);
    // Where a block of losses does, so that no block's sum depends on the cut.
    expect(own.every(({ firstRow }) => cutBefore(firstRow, given.rows) === firstRow)).toBe(true);
  }
});
