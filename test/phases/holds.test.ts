import { expect, test } from "vitest";
import { decidingOf, holdsCeiling } from "../../src/phases/judge.ts";

test.each([
  { correct: 120, total: 120, chance: 0.1, policy: {}, holds: true },
  { correct: 0, total: 120, chance: 0.1, policy: {}, holds: false },
  // m = .9, the ceiling less the least change, and one example fewer.
  { correct: 90, total: 100, chance: 0, policy: {}, holds: true },
  { correct: 89, total: 100, chance: 0, policy: {}, holds: false },
  // The same accuracy above another chance is another m.
  { correct: 90, total: 100, chance: 0.5, policy: {}, holds: false },
  { correct: 95, total: 100, chance: 0.5, policy: {}, holds: true },
  { correct: 70, total: 100, chance: 0, policy: { ceiling: 0.75 }, holds: true },
  { correct: 70, total: 100, chance: 0, policy: { ceiling: 0.75, minimumChange: 0.01 }, holds: false },
  // Not to be lost to the last digit: .8 - .1 is a little more than .7.
  { correct: 70, total: 100, chance: 0, policy: { ceiling: 0.8, minimumChange: 0.1 }, holds: true },
])("$correct of $total over chance $chance under $policy: $holds", ({ correct, total, chance, policy, holds }) => {
  expect(holdsCeiling({ correct, total }, chance, policy)).toBe(holds);
});

test("OOD splits decide; validation where there are none", () => {
  expect(decidingOf(["train", "validation", "ood:b", "ood:a"])).toEqual(["ood:a", "ood:b"]);
  expect(decidingOf(["train", "validation"])).toEqual(["validation"]);
  expect(decidingOf(["train"])).toEqual([]);
});
