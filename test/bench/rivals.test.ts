import { describe, expect, test } from "vitest";
import { binarySegmentation } from "../../bench/verdict/rivals/binary-segmentation.ts";
import { runLengths } from "../../bench/verdict/rivals/bocpd.ts";
import { eDivisive } from "../../bench/verdict/rivals/e-divisive.ts";
import { RIVALS } from "../../bench/verdict/rivals/index.ts";
import { pelt } from "../../bench/verdict/rivals/pelt.ts";
import { twoSidedP } from "../../bench/verdict/rivals/student-t.ts";
import { l2Cost, prefixSums, type Sums } from "../../bench/verdict/rivals/sums.ts";

/** A fixed jitter of up to .01 about `level(i)`, kept within 0..1 as accuracies are. */
function jittered(count: number, level: (i: number) => number): number[] {
  const wobble = (i: number) => 0.01 * Math.sin(12.9898 * i * i + 78.233 * i);
  return Array.from({ length: count }, (_, i) => Math.min(1, Math.max(0, level(i) + wobble(i))));
}

/** Rise from `from` to `to` over `length` checkpoints, whose first value above `from` is at `start`. */
function ramp(from: number, to: number, start: number, length: number) {
  return (i: number) => from + (to - from) * Math.min(1, Math.max(0, (i - start + 1) / length));
}

/** Normal noise that is the same in every run (a linear congruential generator through Box and Muller). */
function noise(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** What a rival says of `m` where train is fitted from checkpoint 5 on: kind, onset@detectedAt. */
function said(name: string, m: readonly number[], train: (i: number) => number | null = (i) => (i < 5 ? 0.5 : 1)) {
  const rival = RIVALS.find((each) => each.name === name);
  const events = rival?.find({ steps: m.map((_, i) => 50 * i), m, train: m.map((_, i) => train(i)), total: 1000 });
  return events?.map(({ kind, onset, detectedAt }) => `${kind} ${onset}@${detectedAt ?? "end"}`);
}

const SERIES = {
  step: jittered(120, (i) => (i < 60 ? 0.02 : 0.95)),
  pinned: Array.from({ length: 100 }, (_, i) => (i < 50 ? 0 : 1)),
  ramp: jittered(160, ramp(0.02, 0.95, 60, 40)),
  // Rises of .005 a checkpoint.
  "shallow ramp": jittered(200, ramp(0.02, 0.42, 60, 80)),
  plateau: jittered(200, (i) => 0.3 + 0.01 * Math.cos(7 * i * i)),
  "one deep dip": jittered(120, (i) => (i === 90 ? 0.3 : 0.95)),
  "one shallow dip": jittered(120, (i) => (i === 90 ? 0.8 : 0.95)),
  regression: jittered(160, (i) => (i < 80 ? 0.95 : 0.2)),
  "within the floor": jittered(120, (i) => (i < 60 ? 0.01 : 0.08)),
  "fall that is no loss": jittered(120, (i) => (i < 60 ? 0.95 : 0.85)),
  "all equal": Array.from({ length: 50 }, () => 0),
  "two points": [0.1, 0.9],
};

/** What every rival leaves alone. */
const WITHOUT_EVENTS = [
  "plateau",
  "one shallow dip",
  "within the floor",
  "fall that is no loss",
  "all equal",
  "two points",
] as const;

const EXPECTED: Record<string, Partial<Record<keyof typeof SERIES, string[]>>> = {
  // Nothing slower than .2 in 5 evaluations, and a dip is a loss and a second grokking.
  "jump rule": {
    step: ["generalization 59@60"],
    pinned: ["generalization 49@50"],
    ramp: [],
    "shallow ramp": [],
    "one deep dip": ["regression 89@90", "generalization 90@91"],
    regression: ["regression 79@80"],
  },
  // Its window follows a slow ramp, and a dip is a loss.
  "z-score": {
    step: ["generalization 59@60"],
    pinned: ["generalization 49@50"],
    ramp: ["generalization 60@63"],
    "shallow ramp": [],
    "one deep dip": ["regression 89@90"],
    regression: ["regression 79@80"],
  },
  // One value may begin a level.
  BOCPD: {
    step: ["generalization 58@61"],
    pinned: ["generalization 49@51"],
    ramp: ["generalization 59@66"],
    "shallow ramp": ["generalization 64@79"],
    "one deep dip": ["regression 88@90", "generalization 90@92"],
    regression: ["regression 79@81"],
  },
  // A t-test does not believe a single value.
  "E-divisive": {
    step: ["generalization 59@end"],
    pinned: ["generalization 49@end"],
    ramp: ["generalization 60@end"],
    "shallow ramp": ["generalization 60@end"],
    "one deep dip": [],
    regression: ["regression 79@end"],
  },
  // The dip and two neighbours are a segment, whose mean is low enough for a loss.
  PELT: {
    step: ["generalization 59@end"],
    pinned: ["generalization 49@end"],
    ramp: ["generalization 60@end"],
    "shallow ramp": ["generalization 60@end"],
    "one deep dip": ["regression 87@end", "generalization 90@end"],
    regression: ["regression 79@end"],
  },
  "binary segmentation": {
    step: ["generalization 59@end"],
    pinned: ["generalization 49@end"],
    ramp: ["generalization 60@end"],
    "shallow ramp": ["generalization 60@end"],
    "one deep dip": ["regression 89@end", "generalization 92@end"],
    regression: ["regression 79@end"],
  },
  // Waits 2 checkpoints for the median to move, and so does not see the dip.
  "six lines of medians": {
    step: ["generalization 59@62"],
    pinned: ["generalization 49@52"],
    ramp: ["generalization 58@66"],
    "shallow ramp": ["generalization 60@80"],
    "one deep dip": [],
    regression: ["regression 79@82"],
  },
};

describe.each(RIVALS)("$name", ({ name }) => {
  test.each(WITHOUT_EVENTS)("says nothing of: %s", (series) => {
    expect(said(name, SERIES[series])).toEqual([]);
  });

  test.each(Object.entries(EXPECTED[name] ?? {}))("%s", (series, events) => {
    expect(said(name, SERIES[series as keyof typeof SERIES])).toEqual(events);
  });
});

test("the jump rule waits for train, and says nothing of rises where train was never measured", () => {
  expect(said("jump rule", SERIES.step, (i) => (i < 61 ? 0.9 : 1))).toEqual([]);
  expect(said("jump rule", SERIES.step, () => null)).toEqual([]);
  expect(said("jump rule", SERIES.regression, () => null)).toEqual(["regression 79@80"]);
});

describe("what counts, for every rival", () => {
  const twice = jittered(240, (i) => (i < 60 ? 0.02 : i < 120 ? 0.4 : i < 180 ? 0.95 : 0.3));

  test.each(RIVALS)("$name sees two rises and a loss", ({ name }) => {
    expect(said(name, twice)?.map((event) => event.replace(/@.*/, ""))).toEqual([
      expect.stringMatching(/^generalization 5[89]$/),
      expect.stringMatching(/^generalization 11[89]$/),
      "regression 179",
    ]);
  });

  test("a split that is lost has to rise again before it can be lost again", () => {
    const falling = jittered(240, (i) => (i < 60 ? 0.95 : i < 120 ? 0.7 : i < 180 ? 0.5 : 0.9));
    expect(said("PELT", falling)).toEqual(["regression 59@end", "generalization 179@end"]);
  });

  test("climbing back to a level that was not lost is no generalization", () => {
    const back = jittered(180, (i) => (i < 60 || i >= 120 ? 0.95 : 0.8));
    expect(said("PELT", back)).toEqual([]);
  });
});

/** The least penalized cost over every segmentation, without any pruning. */
function leastCost(sums: Sums, penalty: number, least: number): number {
  const best = [-penalty];
  for (let t = 1; t <= sums.length; t += 1) {
    const totals = best.map((total, s) => (t - s >= least ? total + l2Cost(sums, s, t) + penalty : Infinity));
    best.push(Math.min(...totals));
  }
  return best[sums.length] ?? 0;
}

function costOf(sums: Sums, cuts: readonly number[], penalty: number): number {
  const bounds = [0, ...cuts, sums.length];
  return cuts.reduce(
    (sum, cut, k) => sum + penalty + l2Cost(sums, cut, bounds[k + 2] ?? 0),
    l2Cost(sums, 0, bounds[1] ?? 0),
  );
}

test("PELT finds the least penalized cost, and binary segmentation never less", () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const next = noise(seed);
    const values = Array.from({ length: 60 + seed }, (_, i) => Math.floor(i / (4 + (seed % 9))) % 3).map(
      (level) => 0.1 * level + 0.05 * next(),
    );
    const sums = prefixSums(values);
    const [penalty, least] = [0.01 * (1 + (seed % 4)), 1 + (seed % 5)];
    const optimal = leastCost(sums, penalty, least);
    expect(costOf(sums, pelt(values, penalty, least), penalty)).toBeCloseTo(optimal, 10);
    expect(costOf(sums, binarySegmentation(sums, penalty, least), penalty)).toBeGreaterThanOrEqual(optimal - 1e-10);
  }
});

test("E-divisive finds what Apache Otava finds", () => {
  const next = noise(1);
  const level = (i: number) =>
    i < 90 ? 0.05 : i < 200 ? 0.4 : i < 240 ? 0.4 + (0.5 * (i - 200)) / 40 : i < 340 ? 0.9 : 0.25;
  const values = Array.from({ length: 400 }, (_, i) => (i === 300 ? 0.5 : level(i)) + 0.02 * next());
  // compute_change_points(values) of Apache Otava at commit 1ceb153, with its defaults.
  expect(eDivisive(values)).toEqual([90, 200, 206, 212, 220, 228, 234, 340]);
});

test("BOCPD finds what Kats finds, and dropping negligible run lengths changes nothing", () => {
  const prior = { mean: 0, meanPrecision: 5, precision: 2000, change: 0.01 };
  const sums = prefixSums(jittered(300, (i) => (i === 200 ? 0.2 : i < 100 ? 0.02 : 0.9)));
  const [all, few] = [runLengths(sums, prior, 0, 300), runLengths(sums, prior, 1e-20, 50)];
  expect(few.passedAt).toEqual(all.passedAt);
  // change_points of _BayesOnlineChangePoint (Kats at commit b71b6ad) with this prior, threshold .5 and agg_cp.
  expect([...few.passedAt.keys()].filter((i) => few.passedAt[i] !== -1)).toEqual([99, 100, 199, 201]);
  expect(few.logEvidence).toBeCloseTo(all.logEvidence, 5);
});

// Percentage points of Student's t: Abramowitz and Stegun, table 26.10.
test.each([
  [12.706, 1, 0.05],
  [2.228, 10, 0.05],
  [4.587, 10, 0.001],
  [3.46, 60, 0.001],
  [0, 5, 1],
  [Number.POSITIVE_INFINITY, 5, 0],
])("the two-sided p of t = %d with %d degrees of freedom is %d", (t, freedom, p) => {
  expect(Math.abs(twoSidedP(t, freedom) - p)).toBeLessThanOrEqual(1e-3 * p);
});
