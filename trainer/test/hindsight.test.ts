import { describe, expect, test } from "vitest";
import { type Curve, labelCurve } from "../scripts/hindsight.ts";

/** Levels, each held for so many checkpoints of ten steps, with ramps between. */
const levels = (...plateaus: [level: number, checkpoints: number][]) =>
  plateaus.flatMap(([level, checkpoints]) => Array<number>(checkpoints).fill(level));

/** From one level to just before another, evenly. */
const ramp = (from: number, to: number, checkpoints: number) =>
  Array.from({ length: checkpoints }, (_, i) => from + ((to - from) * i) / checkpoints);

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

  const eventsOf = (ood: number[], total?: number) =>
    labelCurve(curveOf(ood, total === undefined ? {} : { total })).events.flatMap(({ split, ...event }) =>
      split === "ood:probe" ? [event] : [],
    );
  const rise = (onset: number, settled: number | null, doubtful = false) => ({
    ...{ kind: "generalization", onset, settled, doubtful },
  });
  const fall = (onset: number, settled: number | null) => ({ kind: "regression", onset, settled, doubtful: false });

  test("dates a rise and a fall, and no dip that is shorter than a dwell", () => {
    const ood = [...levels([0, 20]), 0.05, 0.3, 0.6, ...levels([1, 10], [0.2, 3], [1, 10], [0.1, 10])];
    expect(eventsOf(ood)).toEqual([rise(200, 230), fall(450, 460)]);
  });

  test.each<{ name: string; ood: number[]; total?: number; events: object[] }>([
    {
      name: "a rise soon after the log begins is one from its beginning",
      ood: [0, 0, 0.3, ...levels([0.6, 3], [1, 20])],
      events: [rise(10, 60)],
    },
    { name: "nothing inside the floor band", ood: levels([0, 20], [0.09, 20]), events: [] },
    {
      name: "a rise from the floor begins where it was last at rest there",
      ood: [...levels([0, 20], [0.08, 10]), 0.15, 0.6, ...levels([1, 20])],
      events: [rise(300, 320)],
    },
    { name: "a small change is an event", ood: levels([0, 20], [0.13, 20]), events: [rise(190, 200)] },
    {
      name: "where so few examples tell it, one that is doubtful",
      ood: levels([0, 20], [0.13, 20]),
      total: 100,
      events: [rise(190, 200, true)],
    },
    {
      name: "a long rest makes two",
      ood: [...levels([0, 10]), 0.3, ...levels([0.6, 12]), 0.8, ...levels([1, 10])],
      events: [rise(90, 110), rise(220, 240)],
    },
    {
      name: "a short one perhaps",
      ood: [...levels([0, 20]), ...ramp(0, 0.6, 20), ...levels([0.6, 8]), ...ramp(0.6, 1, 13), ...levels([1, 10])],
      events: [rise(230, 600), rise(490, 600, true)],
    },
    {
      name: "a slow rise is one",
      ood: [...levels([0, 20]), ...ramp(0, 1, 80), ...levels([1, 10])],
      events: [rise(280, 970)],
    },
    {
      name: "a slow loss begins at the highest level held",
      ood: [0, ...levels([0.6, 10]), ...ramp(0.6, 0.4, 40), ...levels([0.4, 10])],
      events: [rise(0, 10), fall(140, 410)],
    },
    {
      name: "so does one that rests on its way",
      ood: [...levels([0, 10], [1, 20], [0.9, 40], [0.7, 20])],
      events: [rise(90, 100), fall(290, 700)],
    },
    {
      name: "dips, however many, lose nothing",
      ood: [...levels([0, 10], [1, 20]), ...[0, 0.2, 1, 1, 1, 0, 0.3, 1, 1, 1, 0, 0.5, 1, 1]],
      events: [rise(90, 100)],
    },
  ])("knows events by the definitions: $name", ({ ood, total, events }) =>
    expect(eventsOf(ood, total)).toEqual(events),
  );

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
