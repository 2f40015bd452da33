import { expect, test } from "vitest";
import { floorOf, type Targets } from "../../src/evaluation/chance.ts";
import type { Scoring } from "../../src/evaluation/metrics.ts";

const targets = (values: number[], shape = [values.length], mask: number[] | null = null): Targets => ({
  values,
  shape,
  mask,
});
const within = (tolerance: number, relativeTolerance = 0): Scoring => ({
  task: "regression",
  tolerance,
  relativeTolerance,
});

// By hand: what the best answer scores that is the same for every input.
test.each<{ name: string; scoring: Scoring; given: Targets; total: number; chance: number }>([
  {
    name: "the commonest class",
    scoring: { task: "classification", ignoreIndex: null },
    given: targets([0, 1, 1, 2]),
    total: 4,
    chance: 0.5,
  },
  {
    name: "of tokens, those that are asked alone",
    scoring: { task: "classification", ignoreIndex: -1 },
    given: targets([-1, -1, 3, 3, 4, 4], [2, 3], [1, 1, 1, 1, 1, 0]),
    total: 3,
    chance: 2 / 3,
  },
  {
    name: "the commoner of 0 and 1",
    scoring: { task: "binary", threshold: 0.5 },
    given: targets([0, 0, 0, 1]),
    total: 4,
    chance: 0.75,
  },
  {
    name: "the commonest set of labels",
    scoring: { task: "multilabel", threshold: 0.5 },
    given: targets([1, 1, 1, 1, 1, 0, 0, 1, 0, 0], [5, 2]),
    total: 5,
    chance: 2 / 5,
  },
  {
    name: "each label as it mostly is, where masks make no set common",
    scoring: { task: "multilabel", threshold: 0.5 },
    given: targets([1, 0, 1, 0, 0, 0, 1, 1, 0], [3, 3], [1, 1, 0, 0, 1, 1, 0, 0, 1]),
    total: 3,
    chance: 1,
  },
  {
    name: "the number that most are near",
    scoring: within(1),
    given: targets([0, 1.5, 1.9, 9]),
    total: 4,
    chance: 0.75,
  },
  { name: "a reach that ends on a target", scoring: within(1), given: targets([0, 2, 9]), total: 3, chance: 2 / 3 },
  { name: "a reach that grows with it", scoring: within(0, 0.5), given: targets([1, 2, 8]), total: 3, chance: 2 / 3 },
  {
    name: "a number for each position of a row",
    scoring: within(0.1),
    given: targets([0, 100, 0, 100, 0, 7], [3, 2]),
    total: 6,
    chance: 5 / 6,
  },
])("chance is $name", ({ scoring, given, total, chance }) => {
  const floor = floorOf(scoring, given);
  expect(floor.total).toBe(total);
  expect(floor.chance).toBeCloseTo(chance, 12);
});
