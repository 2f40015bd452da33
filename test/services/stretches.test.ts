import { expect, test } from "vitest";
import { stretchesOf } from "../../src/services/evaluation/score.ts";

type Arguments = Parameters<typeof stretchesOf>;

test.each([
  { name: "images", rows: 10_000, bytes: 3136 },
  { name: "rows of which one is all that is read", rows: 5, bytes: 4_000_000 },
  { name: "numbers", rows: 1_000_000, bytes: 8 },
])("a shard of $name is read in pieces of 2 MiB, none left out and none twice", ({ rows, bytes }) => {
  const tensor = { name: "train/x", dtype: "float32", shape: [rows, bytes / 4], offset: 0, length: rows * bytes };
  const version = { splits: [{ name: "train", rows, total: rows, chance: 0.1 }], tensors: [tensor] };
  const shard = { split: "train", firstRow: 0, rows };
  const stretches = stretchesOf(version as Arguments[0], shard as Arguments[1]);
  expect(stretches.map(({ firstRow }) => firstRow)).toEqual([0, ...stretches.map(({ end }) => end).slice(0, -1)]);
  expect(stretches.at(-1)?.end).toBe(rows);
  for (const { firstRow, end } of stretches) {
    expect(end - firstRow === 1 || (end - firstRow) * bytes <= 2 * 1024 * 1024).toBe(true);
  }
});
