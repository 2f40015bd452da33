import { describe, expect, test } from "vitest";
import { type JudgeOptions, judge, type Point, type Verdict } from "../../src/phases/judge.ts";
import { NO_CHANCE, pair, trace } from "./trajectories.ts";

interface Case {
  name: string;
  points: Point[];
  want: Partial<Verdict>;
  options?: JudgeOptions;
}

const START: [number, number, number] = [1, 0.01, 0.01];
const grokked = pair(START, [20, 1, 0.01], [3, 1, 0.5], [12, 1, 0.99]);
const falling = (count: number) => [
  { count: 1, train: 0.01, ood: { "ood:shift": 0.01 }, norm: [40, 40] as [number, number] },
  { count: 5, train: 1, ood: { "ood:shift": 0.01 }, norm: [40, 50] as [number, number] },
  { count, train: 1, ood: { "ood:shift": 0.01 }, norm: [50, 40] as [number, number] },
];

const cases: Case[] = [
  {
    name: "no checkpoint",
    points: [],
    want: { verdict: "insufficient_evidence", asOfStep: null, needed: { checkpoints: 12, examples: 0 } },
  },
  {
    name: "eleven checkpoints are too few",
    points: pair(START, [10, 1, 0.99]),
    want: { verdict: "insufficient_evidence", deployable: false, needed: { checkpoints: 1, examples: 0 } },
  },
  { name: "the twelfth is enough", points: pair(START, [11, 1, 0.99]), want: { verdict: "generalizer", needed: null } },
  {
    name: "four examples span floor and ceiling of a coin",
    points: trace([{ count: 20, train: 1, ood: { "ood:shift": 1 } }], { total: 4 }),
    options: { chance: { "ood:shift": 0.5 } },
    want: { verdict: "insufficient_evidence" },
  },
  { name: "nothing learned", points: pair([30, 0.02, 0.01]), want: { verdict: "underfit", transitions: [] } },
  { name: "train fitted, OOD at its floor", points: pair(START, [30, 1, 0.02]), want: { verdict: "memorizer" } },
  {
    name: "as a memorizer, while the norm falls",
    points: trace(falling(20)),
    want: { verdict: "latent", evidence: expect.objectContaining({ latentInterval: { fromStep: 10, toStep: 250 } }) },
  },
  {
    name: "a norm that has stopped falling is no longer latent",
    points: trace([...falling(20), { count: 12, train: 1, ood: { "ood:shift": 0.01 }, norm: [40, 40] }]),
    want: { verdict: "memorizer" },
  },
  {
    name: "a crossing begun",
    points: pair(START, [15, 1, 0.01], [2, 1, 0.2], [2, 1, 0.35], [2, 1, 0.5], [2, 1, 0.65]),
    want: { verdict: "transitioning", deployable: false },
  },
  {
    name: "settled half way",
    points: pair(START, [15, 1, 0.01], [8, 1, 0.5]),
    want: { verdict: "partial_generalizer", deployable: false },
  },
  {
    name: "one OOD split crossed, the other did not",
    points: trace([
      { count: 10, train: 1, ood: { "ood:shift": 0.01, "ood:other": 0.01 } },
      { count: 10, train: 1, ood: { "ood:shift": 1, "ood:other": 0.01 } },
    ]),
    want: { verdict: "partial_generalizer" },
  },
  {
    name: "a delayed jump",
    points: grokked,
    want: { verdict: "generalizer", route: "grokked", deployable: true, benchmarkBlind: false },
  },
  {
    name: "train and OOD rise together",
    points: pair(START, [3, 0.4, 0.4], [3, 0.8, 0.7], [15, 1, 0.99]),
    want: { verdict: "generalizer", route: "gradual", deployable: true },
  },
  {
    name: "the log starts already fitted",
    points: pair([15, 1, 0.01], [12, 1, 0.99]),
    want: { verdict: "generalizer", route: null },
  },
  {
    name: "OOD lost while train stays fitted",
    points: [...grokked, ...pair([15, 1, 0.05]).map((point) => ({ ...point, step: point.step + 1000 }))],
    want: { verdict: "regressed", kind: "ungrokking", deployable: false },
  },
  {
    name: "OOD lost with train",
    points: [...grokked, ...pair([15, 0.05, 0.01]).map((point) => ({ ...point, step: point.step + 1000 }))],
    want: { verdict: "regressed", kind: "collapse" },
  },
  {
    name: "still regressed while it recovers by less than an event",
    points: pair(START, [10, 1, 0.9], [12, 1, 0.3], [10, 1, 0.34]),
    want: { verdict: "regressed" },
  },
  {
    name: "recovering",
    points: pair(START, [10, 1, 0.99], [12, 1, 0.05], [3, 1, 0.3], [3, 1, 0.5]),
    want: { verdict: "transitioning" },
  },
  {
    name: "recovered",
    points: pair(START, [10, 1, 0.99], [12, 1, 0.05], [10, 1, 0.99]),
    want: { verdict: "generalizer" },
  },
  {
    name: "validation passes what OOD fails",
    points: trace([
      { count: 1, train: 0.01, validation: 0.01, ood: { "ood:shift": 0.01 } },
      { count: 20, train: 1, validation: 0.99, ood: { "ood:shift": 0.03 } },
    ]),
    want: { verdict: "memorizer", benchmarkBlind: true, deployable: false },
  },
  {
    name: "validation alone is not deployable",
    points: trace([{ count: 20, train: 1, validation: 0.99 }]),
    want: { verdict: "generalizer", benchmarkBlind: null, deployable: false },
  },
  {
    name: "unless the policy lets it",
    points: trace([{ count: 20, train: 1, validation: 0.99 }]),
    options: { ...NO_CHANCE, policy: { allowValidation: true } },
    want: { verdict: "generalizer", deployable: true },
  },
  {
    name: "a split that is measured no longer does not let it be deployed",
    points: [
      ...grokked,
      ...trace([{ count: 20, train: 1, ood: { "ood:other": 0.99 } }]).map((point) => ({
        ...point,
        step: point.step + 1000,
      })),
    ],
    want: {
      verdict: "generalizer",
      deployable: false,
      summary: expect.stringContaining("measure every deciding split again"),
      caveats: expect.arrayContaining([
        { code: "not_measured_since", message: expect.stringContaining("since step 350") },
      ]),
    },
  },
  {
    name: "a norm that is logged no longer does not keep it latent",
    points: trace([...falling(20), { count: 40, train: 1, ood: { "ood:shift": 0.01 } }]),
    want: { verdict: "memorizer" },
  },
  {
    name: "a long dwell does not lift a floor",
    points: pair(START, [14, 1, 0.02]),
    options: { ...NO_CHANCE, policy: { dwell: 20 } },
    want: { verdict: "insufficient_evidence", needed: { checkpoints: 5, examples: 0 } },
  },
  {
    name: "a policy's ceiling for a task that saturates",
    points: pair(START, [10, 1, 0.01], [15, 1, 0.89]),
    options: { ...NO_CHANCE, policy: { ceiling: 0.85 } },
    want: { verdict: "generalizer", deployable: true },
  },
  {
    name: "levels are rescaled from chance",
    points: pair([1, 0.5, 0.5], [20, 1, 0.53]),
    options: { chance: { "ood:shift": 0.5 } },
    want: { verdict: "memorizer" },
  },
];

test.each(cases)("$name", ({ points, want, options = NO_CHANCE }) => {
  expect(judge(points, options)).toMatchObject(want);
});

describe("few examples", () => {
  test("give the lower of two verdicts and say how many would tell", () => {
    const points = trace([{ count: 20, train: 1, ood: { "ood:shift": 1 } }], { total: 20 });
    const verdict = judge(points, NO_CHANCE);
    expect(verdict.verdict).toBe("partial_generalizer");
    expect(verdict.needed).toEqual({ checkpoints: 0, examples: expect.any(Number) });
    expect(verdict.caveats).toContainEqual({ code: "few_examples", message: expect.stringMatching(/about \d+ would/) });
  });

  test("leave an interval that more checkpoints do not narrow", () => {
    const interval = (count: number) =>
      judge(trace([{ count, ood: { "ood:shift": 0.9 }, train: 1 }], { total: 50 }), NO_CHANCE).evidence.splits.at(-1)
        ?.interval;
    expect(interval(200)).toEqual(interval(20));
  });
});

describe("chance", () => {
  const codes = (points: Point[]) => judge(points, {}).caveats.map(({ code }) => code);

  test("is the first step's accuracy where train is unfitted there", () => {
    const points = pair([1, 0.5, 0.5], [20, 1, 0.5]);
    expect(judge(points, {})).toMatchObject({ verdict: "memorizer" });
    expect(codes(points)).toContain("chance_estimated");
  });

  test("is taken as 0 where the log starts fitted", () => {
    expect(codes(pair([20, 1, 0.5]))).toEqual(expect.arrayContaining(["chance_assumed", "left_censored"]));
  });
});

describe("caveats and summary", () => {
  test("a plateau below the ceiling names its level and a policy", () => {
    const { caveats } = judge(pair(START, [10, 1, 0.01], [15, 1, 0.89]), NO_CHANCE);
    expect(caveats).toContainEqual({
      code: "plateau_below_ceiling",
      message: expect.stringMatching(/0\.89.*policy\.ceiling 0\.84/),
    });
  });

  test("a deep dip of the latest checkpoint is no phase, but nothing to deploy", () => {
    const verdict = judge([...grokked, { ...pair([1, 1, 0.3])[0], step: 5000 } as Point], NO_CHANCE);
    expect(verdict).toMatchObject({ verdict: "generalizer", deployable: false });
    expect(verdict.caveats.map(({ code }) => code)).toContain("latest_dip");
  });

  test("a verdict without a transition says by which step", () => {
    expect(judge(pair(START, [30, 1, 0.02]), NO_CHANCE).summary).toContain("none by step 300");
  });

  test("totals that change restart the interval, not the trajectory", () => {
    const later = trace([{ count: 6, train: 1, ood: { "ood:shift": 0.99 } }], { total: 200 });
    const points = [...grokked, ...later.map((point) => ({ ...point, step: point.step + 1000 }))];
    const verdict = judge(points, NO_CHANCE);
    expect(verdict.verdict).toBe("generalizer");
    expect(verdict.evidence.splits.at(-1)).toMatchObject({ total: 200 });
    expect(verdict.caveats.map(({ code }) => code)).toContain("totals_changed");
  });

  test("without train a memorizer cannot be told from an underfit model", () => {
    const verdict = judge(trace([{ count: 20, ood: { "ood:shift": 0.01 } }]), NO_CHANCE);
    expect(verdict.verdict).toBe("insufficient_evidence");
    expect(verdict.caveats.map(({ code }) => code)).toContain("no_train");
  });
});
