import { describe, expect, test } from "vitest";
import { createRandom } from "../src/random.ts";
import { modularAddition } from "../src/tasks/modular-addition.ts";
import { type SplitName, splitOf } from "../src/tasks/task.ts";

const settings = { modulus: 47, trainShare: 0.5, cornerSide: 7, mirrorPairs: 160 };

function pairsOf(seed: number, name: SplitName): [number, number][] {
  const { inputs } = splitOf(modularAddition(settings, createRandom(seed, "splits")), name);
  const b = [...(inputs["b"] ?? [])];
  return [...(inputs["a"] ?? [])].map((a, index) => [a, b[index] ?? -1]);
}

describe.each([0, 1, 2])("the splits of seed %i", (seed) => {
  test("cover the table once", () => {
    const names = ["train", "validation", "ood:corner", "ood:mirror"] as const;
    const pairs = names.map((name) => pairsOf(seed, name));
    expect(pairs.map((split) => split.length)).toEqual([1104, 896, 49, 160]);
    expect(new Set(pairs.flat().map(String)).size).toBe(47 * 47);
  });

  test("keep the corner out of everything else", () => {
    const inCorner = ([a, b]: [number, number]) => a >= 40 && b >= 40;
    expect(pairsOf(seed, "ood:corner").every(inCorner)).toBe(true);
  });

  test("train on every mirror of ood:mirror", () => {
    const train = new Set(pairsOf(seed, "train").map(String));
    expect(pairsOf(seed, "ood:mirror").every(([a, b]) => train.has(`${b},${a}`))).toBe(true);
  });

  test("are the same for the same seed and others for another", () => {
    expect(pairsOf(seed, "train")).toEqual(pairsOf(seed, "train"));
    expect(pairsOf(seed, "train")).not.toEqual(pairsOf(seed + 1, "train"));
  });
});

test("a target is the sum modulo p", () => {
  const { inputs, target } = splitOf(modularAddition(settings, createRandom(0, "splits")), "ood:corner");
  expect([inputs["a"]?.[0], inputs["b"]?.[0], target[0]]).toEqual([40, 40, 33]);
});

test("splits that do not fit are refused", () => {
  expect(() => modularAddition({ ...settings, trainShare: 1 }, createRandom(0, "splits"))).toThrow("do not fit");
});

test("normal draws have mean 0 and deviation 1", () => {
  const random = createRandom(0, "test");
  const draws = Array.from({ length: 20_000 }, () => random.normal());
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
  const deviation = Math.sqrt(draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length);
  // Four standard errors.
  expect(Math.abs(mean)).toBeLessThan(0.03);
  expect(Math.abs(deviation - 1)).toBeLessThan(0.02);
});
