import { expect, test } from "vitest";
import { score } from "../src/evaluate.ts";
import { chanceOf } from "../src/tasks/chance.ts";
import type { Split, SplitName, Task } from "../src/tasks/task.ts";

test("logits are scored as worked out by hand: the highest one answers, the lowest class where two are equal", () => {
  // Losses are ln(1 + e) - 1 and ln(1 + e) for logits 1 and 0, and ln 2 for two equal ones, whichever is the target.
  const logits = Float32Array.of(1, 0, 1, 0, 3, 3, 3, 3);
  const { correct, total, loss } = score(logits, Int32Array.of(0, 1, 0, 1));
  expect([correct, total]).toEqual([2, 4]);
  expect(loss).toBeCloseTo((2 * Math.log(1 + Math.E) - 1 + 2 * Math.log(2)) / 4, 12);
});

test("logits that are far apart have a finite loss, and those that are no numbers answer nothing", () => {
  expect(score(Float32Array.of(1e4, -1e4), Int32Array.of(1))).toEqual({ correct: 0, total: 1, loss: 2e4 });
  const { correct, loss } = score(Float32Array.of(Number.NaN, 1), Int32Array.of(0));
  expect([correct, loss]).toEqual([0, Number.NaN]);
});

test("chance is the share of each split's commonest class", () => {
  const splitOf = (...labels: number[]): Split => ({ inputs: {}, target: Int32Array.from(labels) });
  const splits = new Map<SplitName, Split>([
    ["train", splitOf(0, 1, 1, 1)],
    ["validation", splitOf(2, 2)],
    ["ood:x", splitOf(0, 1, 2)],
  ]);
  const task: Task = { name: "t", inputs: new Map(), classes: 3, splits };
  expect(chanceOf(task)).toEqual({ train: 0.75, validation: 1, "ood:x": 1 / 3 });
});
