import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type SafeTensor, writeSafetensors } from "../src/safetensors.ts";
import { measureShortcuts } from "../src/shifts/shortcuts.ts";
import { readTables, ShiftError } from "../src/shifts/suite-file.ts";

type Tensors = Record<string, SafeTensor>;
const whole = (shape: number[], ...values: number[]): SafeTensor => ({
  shape,
  values: BigInt64Array.from(values, BigInt),
});
const real = (shape: number[], ...values: number[]): SafeTensor => ({ shape, values: Float32Array.from(values) });

const measured = (tensors: Tensors, metadata: Record<string, string> = {}) =>
  measureShortcuts(readTables(writeSafetensors(new Map(Object.entries(tensors)), { output: "y", ...metadata })));

test("of symbols: train's commonest answer, the nearest row's, and the one column that does best on validation", () => {
  const found = measured({
    // b decides; a says nothing.
    "train/a": whole([6], 0, 1, 2, 3, 4, 5),
    "train/b": whole([6], 0, 0, 1, 1, 1, 2),
    "train/target": whole([6], 5, 5, 7, 7, 7, 9),
    "validation/a": whole([4], 9, 9, 9, 9),
    "validation/b": whole([4], 0, 1, 2, 8),
    "validation/target": whole([4], 5, 7, 9, 1),
    "ood:x/a": whole([2], 0, 5),
    "ood:x/b": whole([2], 1, 2),
    "ood:x/target": whole([2], 5, 7),
  });
  expect(found).toEqual([
    // Constant 7. A b that train does not have is answered by the constant too.
    { split: "validation", rows: 4, constant: 0.25, nearest: 0.75, column: 0.75, columns: ["b"] },
    // (0, 1) is as near to (0, 0) as to (2, 1): the first; (5, 2) is train's last.
    { split: "ood:x", rows: 2, constant: 0.5, nearest: 0.5, column: 0, columns: ["b"] },
  ]);
});

test("of numbers: within the tolerance, distances in deviations", () => {
  const found = measured(
    {
      // The second column is a thousand times as wide as the first, and says nothing.
      "train/x": real([4, 2], 0, 1000, 1, -1000, 2, -1000, 3, 1000),
      "train/target": real([4], 0, 10, 20, 30),
      "ood:x/x": real([3, 2], 0, -500, 3, 900, 2, -1000),
      "ood:x/target": real([3], 0.4, 29.6, 15.4),
    },
    { task: "regression", tolerance: "0.5" },
  );
  expect(found).toEqual([
    // The mean is 15. Row 0 is nearest to (1, -1000): .9 and .5 deviations off, against 0 and 1.5.
    { split: "ood:x", rows: 3, constant: 1 / 3, nearest: 1 / 3, column: 2 / 3, columns: ["x[0]"] },
  ]);
});

test("targets that are masked are not asked, and each target has a column of its own", () => {
  const found = measured({
    "train/x": whole([4, 2], 0, 0, 0, 1, 1, 0, 1, 1),
    // The first target is the second column, the second target the first one.
    "train/target": whole([4, 2], 0, 0, 1, 0, 0, 1, 1, 1),
    "ood:x/x": whole([2, 2], 0, 1, 1, 0),
    "ood:x/target": whole([2, 2], 1, 9, 9, 1),
    "ood:x/target_mask": whole([2, 2], 1, 0, 0, 1),
  });
  expect(found).toMatchObject([{ constant: 0, nearest: 1, column: 1, columns: ["x[1]", "x[0]"] }]);
});

test.each([
  { tensors: { "ood:x/x": whole([1], 1), "ood:x/target": whole([1], 1) }, says: "no split train" },
  { tensors: { "train/x": whole([1], 1), "ood:x/x": whole([1], 1) }, says: "no target" },
])("a suite with $says says so", ({ tensors, says }) => {
  expect(() => measured(tensors as unknown as Tensors)).toThrow(ShiftError);
  expect(() => measured(tensors as unknown as Tensors)).toThrow(says);
});

test.each([
  { script: "shortcuts", args: [], says: "usage: shortcuts SUITE" },
  { script: "shortcuts", args: ["missing.safetensors"], says: "ENOENT" },
  { script: "shortcuts", args: [import.meta.filename], says: "no safetensors file" },
  { script: "example-suites", args: ["--help"], says: "usage: example-suites DIR" },
])("$script $args ends with 2 and one line", ({ script, args, says }) => {
  const file = join(import.meta.dirname, "..", "scripts", `${script}.ts`);
  const { status, stderr } = spawnSync(process.execPath, [file, ...args], { encoding: "utf8" });
  expect([status, stderr.trim().split("\n").length]).toEqual([2, 1]);
  expect(stderr).toContain(says);
});
