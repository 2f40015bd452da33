import { describe, expect, test } from "vitest";
import { type Curve, labelCurve } from "../scripts/hindsight.ts";

/** Levels, each held for so many checkpoints of ten steps, with ramps between. */
const levels = (...plateaus: [level: number, checkpoints: number][]) =>
  plateaus.flatMap(([level, checkpoints]) => Array<number>(checkpoints).fill(level));

function curveOf(ood: number[], options: { train?: number[]; norm?: number[]; total?: number } = {}): Curve {
  const m = new Map([
    ["validation", ood],
    ["ood:probe", ood],
  ]);
  return {
    steps: ood.map((_, i) => 10 * i),
    m,
    chance: new Map(),
    totals: new Map([...m.keys()].map((split) => [split, options.total ?? 1000])),
    train: options.train ?? ood.map((_, i) => (i < 2 ? 0.1 : 1)),
    norm: options.norm ?? ood.map(() => 50),
  };
}

describe("the label of a curve", () => {
  test.each<{ name: string; ood: number[]; allowed: string[]; route?: string | null; options?: object }>([
    { name: "too short", ood: levels([0, 11]), allowed: ["insufficient_evidence"] },
    { name: "never left its floor", ood: levels([0, 40]), allowed: ["memorizer"] },
    {
      name: "never left its floor while the norm falls",
      ood: levels([0, 40]),
      options: { norm: Array.from({ length: 40 }, (_, i) => 60 - 0.5 * i) },
      allowed: ["latent"],
    },
    { name: "not fitted", ood: levels([0, 40]), options: { train: levels([0.5, 40]) }, allowed: ["underfit"] },
    { name: "rose late", ood: levels([0, 20], [0.5, 1], [1, 20]), allowed: ["generalizer"], route: "grokked" },
    { name: "rose with train", ood: levels([0, 2], [1, 30]), allowed: ["generalizer"], route: "gradual" },
    { name: "on its way", ood: [...levels([0, 20]), 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], allowed: ["transitioning"] },
    { name: "halfway and staying", ood: levels([0, 20], [0.5, 20]), allowed: ["partial_generalizer"] },
    { name: "lost, train kept", ood: levels([0, 10], [1, 20], [0.2, 20]), allowed: ["ungrokking"] },
    {
      name: "lost with train",
      ood: levels([0, 10], [1, 20], [0, 20]),
      options: { train: levels([1, 30], [0.1, 20]) },
      allowed: ["collapse"],
    },
    {
      name: "lost and found again",
      ood: levels([0, 10], [1, 20], [0.1, 10], [1, 10]),
      allowed: ["generalizer"],
      route: "grokked",
    },
    {
      name: "few examples, a few more right than by chance",
      ood: levels([0, 20], [6 / 49, 20]),
      options: { total: 49 },
      allowed: ["partial_generalizer", "memorizer"],
    },
    {
      name: "few examples, one of them wrong",
      ood: levels([0, 20], [48 / 49, 20]),
      options: { total: 49 },
      allowed: ["generalizer", "partial_generalizer"],
      route: "grokked",
    },
  ])("$name: $allowed", ({ ood, allowed, route = null, options = {} }) => {
    const label = labelCurve(curveOf(ood, options));
    expect([label.allowed, label.route]).toEqual([allowed, route]);
  });

  test("dates a rise and a fall, and no dip that is shorter than a dwell", () => {
    const ood = [...levels([0, 20]), 0.05, 0.3, 0.6, ...levels([1, 10], [0.2, 3], [1, 10], [0.1, 10])];
    expect(labelCurve(curveOf(ood)).events.filter(({ split }) => split === "ood:probe")).toEqual([
      { split: "ood:probe", kind: "generalization", onset: 200, settled: 230 },
      { split: "ood:probe", kind: "regression", onset: 450, settled: 460 },
    ]);
  });

  test("calls blind what validation alone would have passed", () => {
    const [low, high] = [levels([0, 40]), levels([0, 10], [1, 30])];
    const blindOf = (validation: number[], ood: number[]) =>
      labelCurve({
        ...curveOf(ood),
        m: new Map([
          ["validation", validation],
          ["ood:probe", ood],
        ]),
      }).blind;
    expect([blindOf(high, low), blindOf(high, high), blindOf(low, low)]).toEqual([true, false, false]);
  });
});
