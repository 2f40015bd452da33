import { expect, test } from "vitest";
import { Recorded } from "../scripts/recorded.ts";

const run = new Recorded("step,train_correct,train_total,train_loss\n0,1,10,\n20,9,10,0.5\n40,4,4,0.1\n");

test("a recorded run is read by column", () => {
  expect([run.steps, run.end, run.splits]).toEqual([[0, 20, 40], 40, ["train"]]);
  expect(run.accuracy("train")).toEqual([0.1, 0.9, 1]);
  expect([run.at("train", 20), run.last("train")]).toEqual([0.9, 1]);
  expect(run.column("train_loss")).toEqual([Number.NaN, 0.5, 0.1]);
  expect(() => run.column("validation_loss")).toThrow("no column validation_loss");
});

test.each([
  [0.5, 20],
  [0.9, 20],
  [1, 40],
  [1.1, null],
])("%f is first reached at %o", (level, step) => {
  expect(run.firstStep("train", level)).toBe(step);
});
