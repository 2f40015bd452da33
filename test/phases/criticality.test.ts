import { describe, expect, test } from "vitest";
import {
  crossingOf,
  diagnoseEnsemble,
  diagnoseSweep,
  type Estimate,
  isTold,
  lagOneAutocorrelation,
  type Member,
  momentsOf,
  peakOf,
  type Untold,
  vertexOf,
} from "../../src/phases/criticality.ts";
import { uniform } from "./ising.ts";
import { pair, trace } from "./trajectories.ts";

const chance = { train: 0, validation: 0, "ood:shift": 0, "ood:other": 0 };
const options = { chance };

function told<T extends object>(figure: T | Untold): T {
  if (!isTold(figure)) throw new Error(figure.message);
  return figure;
}

const member = (name: string, points: Member["points"], more: Partial<Member> = {}): Member => ({
  name,
  points,
  options,
  ...more,
});

/** A crossing from 0 to 1 of `ramp` checkpoints about checkpoint `at` of 60, on 1,000 examples, 50 steps apart. */
const crossing = (name: string, at: number, ramp: number, more: Partial<Member> = {}): Member =>
  member(
    name,
    Array.from({ length: 60 }, (_, i) => {
      const m = Math.min(1, Math.max(0, 0.5 + (i - at) / ramp));
      return {
        step: i * 50,
        splits: { train: { correct: 1000, total: 1000 }, "ood:shift": { correct: Math.round(1000 * m), total: 1000 } },
      };
    }),
    more,
  );

const many = (count: number, make: (i: number) => Member): Member[] => Array.from({ length: count }, (_, i) => make(i));

/** Seeded standard normal numbers (Box and Muller). */
function normal(seed: number): () => number {
  const random = uniform(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

describe("moments worked by hand", () => {
  const ones = (count: number, of: number) => Array.from({ length: of }, (_, i) => Number(i < count));

  test.each([
    // Var = 10/9 of 1/4; U = 1 - (1/2) / (3/4). Left out, whichever, 4 or 5 of 9: the same variance.
    { name: "half at 1", values: ones(5, 10), m: 0.5, chi: 250 / 9, chiSe: 0, u: 1 / 3 },
    // Var = 8/7 of 3/16; U = 1 - (1/4) / (3/16).
    { name: "a quarter at 1", values: ones(2, 8), m: 0.25, chi: 150 / 7, chiSe: expect.any(Number), u: -1 / 3 },
    { name: "all at 1", values: ones(8, 8), m: 1, chi: 0, chiSe: 0, u: 2 / 3 },
    { name: "all at 0.2", values: Array(6).fill(0.2), m: 0.2, chi: 0, chiSe: 0, u: 2 / 3 },
    { name: "all at 0", values: ones(0, 8), m: 0, chi: 0, chiSe: 0, u: null },
  ])("$name", ({ values, m, chi, chiSe, u }) => {
    const moments = momentsOf(values, 100);
    expect(moments?.m).toBeCloseTo(m);
    expect(moments?.susceptibility).toBeCloseTo(chi);
    if (chiSe === 0) expect(moments?.susceptibilitySe).toBeCloseTo(0);
    if (u === null) expect(moments?.cumulant).toBeNull();
    else expect(moments?.cumulant).toBeCloseTo(u);
  });

  test("the standard errors are those of the jackknife written out", () => {
    const values = [0.1, 0.15, 0.4, 0.7, 0.95, 0.2];
    const n = values.length;
    const statistics = (of: readonly number[]) => {
      const mean = (power: number) => of.reduce((total, value) => total + value ** power, 0) / of.length;
      return [(7 * of.length * (mean(2) - mean(1) ** 2)) / (of.length - 1), 1 - mean(4) / (3 * mean(2) ** 2), mean(1)];
    };
    const left = values.map((_, i) => statistics(values.filter((_, j) => j !== i)));
    const errors = [0, 1, 2].map((k) => {
      const mean = left.reduce((total, of) => total + (of[k] ?? 0), 0) / n;
      return Math.sqrt(((n - 1) / n) * left.reduce((total, of) => total + ((of[k] ?? 0) - mean) ** 2, 0));
    });
    const moments = momentsOf(values, 7);
    const [chi = 0, cumulant = 0, m = 0] = errors;
    expect(moments?.susceptibilitySe).toBeCloseTo(chi, 10);
    expect(moments?.cumulantSe).toBeCloseTo(cumulant, 10);
    expect(moments?.mSe).toBeCloseTo(m, 10);
  });

  test("the sign of the cumulant is told only with members enough", () => {
    expect(momentsOf(ones(1, 5), 1)?.cumulantSign).toBe(0);
    expect(momentsOf(ones(1, 5), 1)?.cumulantSe).toBeNull();
    expect(momentsOf(ones(6, 40), 1)?.cumulantSign).toBe(-1);
    expect(momentsOf(ones(30, 40), 1)?.cumulantSign).toBe(1);
  });

  test("fewer than 5 members have none", () => {
    expect(momentsOf(ones(2, 4), 1)).toBeNull();
    expect(momentsOf(ones(2, 5), 1)).not.toBeNull();
  });
});

describe("where a curve peaks, and where two cross", () => {
  const curve = (values: readonly number[], se = 0.1): Estimate[] => values.map((value, at) => ({ at, value, se }));

  test.each([
    { name: "a peak among points told from it", values: [0, 1, 3, 1, 0], want: { at: 2, between: [1, 3], index: 2 } },
    { name: "points beside it not told from it", values: [0, 2.9, 3, 2.8, 1], want: { at: 2, between: [0, 4] } },
    { name: "another as high, with a valley between", values: [0, 3, 0, 2.9, 0], want: { at: 1, between: [0, 4] } },
    { name: "the end as high", values: [0, 1, 3, 2.9], want: null },
    { name: "a slope", values: [0, 1, 2, 3], want: null },
    { name: "level", values: [1, 1, 1, 1], want: null },
    { name: "no point", values: [], want: null },
  ])("$name", ({ values, want }) => {
    if (want === null) expect(peakOf(curve(values))).toBeNull();
    else expect(peakOf(curve(values))).toMatchObject(want);
  });

  test("the top of a parabola lies between its points", () => {
    const points = [0, 0.5, 1, 1.5, 2, 4].map((at) => ({ at, value: 10 - (at - 1.2) ** 2, se: 0.01 }));
    const peak = peakOf(points);
    expect(peak?.at).toBe(1);
    expect(peak && vertexOf(points, peak)).toBeCloseTo(1.2);
  });

  test.each([
    { name: "a crossing", gaps: [-3, -2, -1, 1, 2, 3], want: { at: 2.5, between: [2, 3] } },
    { name: "a crossing among points that do not tell", gaps: [-3, -2, 0.1, 0, 2, 3], want: { between: [1, 4] } },
    { name: "the other way round", gaps: [3, 2, -2, -3], want: { at: 1.5, between: [1, 2] } },
    { name: "one stray at the end", gaps: [-3, -2, -1, 1], want: null },
    { name: "one stray at the start", gaps: [1, -1, -2, -3], want: null },
    { name: "there and back", gaps: [-3, -2, 2, 3, -2, -3], want: null },
    { name: "curves that merge", gaps: [-3, -2, -1, 0, 0.1, -0.1], want: null },
    { name: "always above", gaps: [3, 2, 1, 2], want: null },
  ])("$name", ({ gaps, want }) => {
    const crossing = crossingOf(curve(gaps.map(() => 5)), curve(gaps.map((gap) => 5 + gap)));
    if (want === null) expect(crossing).toBeNull();
    else expect(crossing).toMatchObject(want);
  });
});

describe("an ensemble of seeds", () => {
  test("half that crossed and half that never did", () => {
    const grown = pair([20, 1, 0], [20, 1, 1]);
    const flat = pair([40, 1, 0]);
    const { curve } = told(diagnoseEnsemble(many(10, (i) => member(`s${i}`, i % 2 === 0 ? grown : flat))).reading);
    expect(curve[10]).toMatchObject({ step: 100, m: 0, susceptibility: 0, cumulant: null });
    const last = curve.at(-1);
    expect(last?.m).toBeCloseTo(0.5);
    // N is the 1,000 examples of the split.
    expect(last?.susceptibility).toBeCloseTo(2500 / 9);
    expect(last?.cumulant).toBeCloseTo(1 / 3);
  });

  test("m is the mean over the OOD splits, rescaled from chance, whatever validation says", () => {
    const points = trace([{ count: 12, train: 1, validation: 1, ood: { "ood:shift": 0.6, "ood:other": 0.2 } }]);
    const own = { chance: { ...chance, "ood:shift": 0.2, "ood:other": 0.2 } };
    const ensemble = diagnoseEnsemble(many(5, (i) => ({ name: `s${i}`, points, options: own })));
    expect(ensemble).toMatchObject({ splits: ["ood:other", "ood:shift"], examples: 2000 });
    expect(told(ensemble.reading).curve[3]?.m).toBeCloseTo(0.25);
    const alone = diagnoseEnsemble(
      many(5, (i) => ({ name: `s${i}`, points, options: own })),
      { split: "ood:shift" },
    );
    expect(told(alone.reading).curve[3]?.m).toBeCloseTo(0.5);
  });

  test("members of different steps are compared at each one's latest, where all have been measured", () => {
    const at = (every: number, from: number, count: number): Member["points"] =>
      Array.from({ length: count }, (_, i) => {
        const step = from + i * every;
        return { step, splits: { "ood:shift": { correct: step, total: 100 } } };
      });
    const tens = many(4, (i) => member(`tens${i}`, at(10, 0, 9)));
    const ensemble = diagnoseEnsemble([...tens, member("fifteens", at(15, 15, 4))]);
    expect(ensemble).toMatchObject({ fromStep: 15, throughStep: 60 });
    const { curve } = told(ensemble.reading);
    expect(curve.map(({ step }) => step)).toEqual([15, 20, 30, 40, 45, 50, 60]);
    // At 15 the tens stand at 10, at 20 the fifteens at 15; never at what lies between.
    expect(curve[0]?.m).toBeCloseTo((4 * 0.1 + 0.15) / 5);
    expect(curve[1]?.m).toBeCloseTo((4 * 0.2 + 0.15) / 5);
    expect(ensemble.caveats.map(({ code }) => code)).toContain("members_end_apart");
  });

  test("a dip of one evaluation is no spread", () => {
    const steady = pair([40, 1, 0.98]);
    const dipped = pair([15, 1, 0.98], [1, 1, 0.3], [24, 1, 0.98]);
    const { curve, peak } = told(diagnoseEnsemble(many(8, (i) => member(`s${i}`, i === 3 ? dipped : steady))).reading);
    expect(Math.max(...curve.map(({ susceptibility }) => susceptibility))).toBeCloseTo(0);
    expect(peak).toMatchObject({ insufficient: "no_spread" });
  });

  test("the order of points and members changes nothing", () => {
    const members = many(8, (i) => crossing(`s${i}`, 20 + 3 * i, 6));
    const turned = members.map((one) => ({ ...one, points: one.points.toReversed() }));
    expect(diagnoseEnsemble(turned)).toEqual(diagnoseEnsemble(members));
    const peak = told(told(diagnoseEnsemble(members.toReversed()).reading).peak);
    expect(peak.at).toBe(told(told(diagnoseEnsemble(members).reading).peak).at);
  });

  test("abrupt crossings at different steps read as first order, and chi peaks where half have crossed", () => {
    const draw = normal(1);
    const times = Array.from({ length: 40 }, () => 30 + 5 * draw());
    const { peak, order } = told(diagnoseEnsemble(times.map((at, i) => crossing(`s${i}`, at, 1))).reading);
    const half = 50 * (times.toSorted((a, b) => a - b)[20] ?? 0);
    expect(Math.abs(told(peak).at - half)).toBeLessThan(150);
    expect(told(peak).between[0]).toBeLessThan(half);
    expect(told(peak).between[1]).toBeGreaterThan(half);
    expect(told(order).order).toBe("first_order");
    expect(told(order).cumulant).toBeLessThan(0);
  });

  test("slow crossings side by side read as continuous", () => {
    const draw = normal(2);
    const members = many(40, (i) => crossing(`s${i}`, 30 + draw(), 30));
    const { order } = told(diagnoseEnsemble(members).reading);
    expect(order).toMatchObject({ order: "continuous" });
  });

  test("with few members the order is not told, and the peak with its interval is", () => {
    const { peak, order } = told(diagnoseEnsemble(many(6, (i) => crossing(`s${i}`, 22 + 3 * i, 1))).reading);
    expect(order).toMatchObject({ insufficient: "order_not_resolved" });
    const [from, to] = told(peak).between;
    expect(from).toBeLessThan(to);
  });

  test.each([
    { name: "4 members", members: many(4, (i) => crossing(`s${i}`, 20 + i, 5)), code: "too_few_members" },
    { name: "no member", members: [], code: "too_few_members" },
    {
      name: "OOD in some only",
      members: many(6, (i) => member(`s${i}`, i < 3 ? pair([20, 1, 0]) : trace([{ count: 20, validation: 0 }]))),
      code: "no_common_split",
    },
    {
      name: "ranges apart",
      members: many(6, (i) =>
        member(
          `s${i}`,
          pair([20, 1, 0]).map((point) => ({ ...point, step: point.step + (i === 0 ? 1000 : 0) })),
        ),
      ),
      code: "no_common_steps",
    },
  ])("$name: no figure but the reason", ({ members, code }) => {
    const { reading } = diagnoseEnsemble(members);
    expect(reading).toEqual({ insufficient: code, message: expect.any(String) });
  });

  test("memorizers, whose m is only noise, have neither peak nor order", () => {
    const draw = normal(3);
    const members = many(8, (i) =>
      member(
        `s${i}`,
        Array.from({ length: 60 }, (_, j) => {
          const correct = Math.round(Math.min(100, Math.max(0, 2 + 1.4 * draw())));
          return { step: j * 10, splits: { "ood:shift": { correct, total: 100 } } };
        }),
      ),
    );
    const { peak, order } = told(diagnoseEnsemble(members).reading);
    expect(peak).toMatchObject({ insufficient: "no_spread" });
    expect(order).toMatchObject({ insufficient: "order_not_resolved" });
  });

  test("nor have models whose spread is that of few examples", () => {
    const random = uniform(8);
    const members = many(8, (i) =>
      member(
        `s${i}`,
        Array.from({ length: 60 }, (_, j) => {
          const correct = Array.from({ length: 20 }, random).filter((value) => value < 0.5).length;
          return { step: j * 10, splits: { "ood:shift": { correct, total: 20 } } };
        }),
      ),
    );
    const { curve, peak } = told(diagnoseEnsemble(members).reading);
    expect(Math.max(...curve.map(({ susceptibility }) => susceptibility / 20))).toBeGreaterThan(0.05 ** 2);
    expect(peak).toMatchObject({ insufficient: "no_spread" });
  });

  test("a member that cannot be judged is named, and so are options that define nothing", () => {
    const bad = member("seed7", [{ step: 0, splits: { "ood:shift": { correct: 3, total: 2 } } }]);
    expect(() => diagnoseEnsemble([bad])).toThrow(/^seed7: .*3 correct of 2/);
    expect(() => diagnoseEnsemble([], { window: 3 })).toThrow(/window/);
    expect(() => diagnoseEnsemble([], { outcomes: { level: 90 } })).toThrow(/level/);
  });
});

describe("the four outcomes of Liu et al.", () => {
  /** Accuracies by step: of train, of the OOD split. */
  const run = (rows: readonly [number, number, number][]): Member["points"] =>
    rows.map(([step, train, ood]) => ({
      step,
      splits: { train: { correct: train, total: 1000 }, "ood:shift": { correct: ood, total: 1000 } },
    }));

  test.each([
    {
      outcome: "comprehension",
      rows: [
        [0, 10, 10],
        [500, 900, 100],
        [1499, 1000, 900],
      ],
    },
    {
      outcome: "grokking",
      rows: [
        [0, 10, 10],
        [500, 900, 100],
        [1500, 1000, 900],
      ],
    },
    {
      outcome: "comprehension",
      rows: [
        [0, 10, 10],
        [500, 800, 950],
        [9000, 1000, 950],
      ],
    },
    {
      outcome: "memorization",
      rows: [
        [0, 10, 10],
        [500, 900, 100],
        [9000, 1000, 899],
      ],
    },
    {
      outcome: "confusion",
      rows: [
        [0, 10, 10],
        [500, 899, 100],
        [9000, 899, 899],
      ],
    },
    // Not in their table: out of distribution it is there, on its own data it is not.
    {
      outcome: null,
      rows: [
        [0, 10, 10],
        [500, 100, 950],
      ],
    },
  ] as { outcome: string | null; rows: [number, number, number][] }[])("$outcome: $rows", ({ outcome, rows }) => {
    const { outcomes } = diagnoseEnsemble([member("s0", run(rows))]);
    expect(outcomes.members).toMatchObject([{ name: "s0", outcome, throughStep: rows.at(-1)?.[0] }]);
    expect(outcomes).toMatchObject({ majority: outcome, unclassified: outcome === null ? 1 : 0 });
  });

  test("level and gap can be given; every OOD split must reach the level", () => {
    const rows: [number, number, number][] = [
      [0, 10, 10],
      [100, 900, 100],
      [300, 1000, 700],
    ];
    const of = (options: { level?: number; gap?: number }, points = run(rows)) =>
      diagnoseEnsemble([member("s0", points)], { outcomes: options }).outcomes.majority;
    expect(of({})).toBe("memorization");
    expect(of({ level: 0.7 })).toBe("comprehension");
    expect(of({ level: 0.7, gap: 100 })).toBe("grokking");
    const half = trace([{ count: 20, train: 1, ood: { "ood:shift": 1, "ood:other": 0 } }]);
    expect(of({}, half)).toBe("memorization");
  });

  test("shares are of those that have an outcome, and a tie has no majority", () => {
    const [grown, flat] = [pair([5, 1, 0], [20, 1, 1]), pair([25, 1, 0])];
    const blind = trace([{ count: 25, ood: { "ood:shift": 0 } }]);
    const { outcomes } = diagnoseEnsemble(
      [grown, grown, flat, flat, blind].map((points, i) => member(`s${i}`, points)),
    );
    expect(outcomes.shares).toEqual({ comprehension: 0.5, grokking: 0, memorization: 0.5, confusion: 0 });
    expect(outcomes).toMatchObject({ unclassified: 1, majority: null });
  });
});

describe("a sweep", () => {
  /** At a setting from 0 to 4 that share of quarters of the seeds ends at 1. */
  const sweep = (more: (i: number) => Partial<Member> = () => ({})) =>
    [0, 1, 2, 3, 4].flatMap((setting) =>
      many(16, (i) => {
        const points = i < 4 * setting ? pair([10, 1, 0], [20, 1, 1]) : pair([30, 1, 0]);
        return member(`w${setting} s${i}`, points, { setting, ...more(i) });
      }),
    );

  test("is a phase diagram, and its critical setting lies where the final levels are most apart", () => {
    const { cells, critical } = diagnoseSweep(sweep().toReversed());
    expect(cells.map(({ setting, members, outcomes }) => [setting, members, outcomes.majority])).toEqual([
      [0, 16, "memorization"],
      [1, 16, "memorization"],
      [2, 16, null],
      [3, 16, "comprehension"],
      [4, 16, "comprehension"],
    ]);
    expect(cells[2]?.outcomes.shares).toMatchObject({ memorization: 0.5, comprehension: 0.5 });
    expect(cells.map(({ final }) => Math.round(100 * told(final).m) / 100)).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(critical).toMatchObject([{ size: null, setting: { at: 2, between: [0, 4] } }]);
  });

  test("a peak at its end, too few settings and cells of few members are no critical point", () => {
    const all = sweep();
    const critical = (members: Member[]) => diagnoseSweep(members).critical[0]?.setting;
    expect(critical(all.filter(({ setting }) => (setting ?? 0) >= 2))).toMatchObject({
      insufficient: "peak_not_resolved",
    });
    expect(critical(all.filter(({ setting }) => (setting ?? 0) >= 3))).toMatchObject({
      insufficient: "too_few_settings",
    });
    const few = diagnoseSweep(all.filter((_, i) => i % 16 < 4));
    expect(few.cells[0]).toMatchObject({ members: 4, final: { insufficient: "too_few_members" } });
    expect(few.critical[0]?.setting).toMatchObject({ insufficient: "too_few_settings" });
  });

  test("sizes whose cumulants cross tell the critical setting, sizes that agree do not", () => {
    // A share p of the members at 1 has U = 1 - 1/(3p): the larger size is below the smaller until setting 2, and above
    // it from setting 3.
    const [smaller, larger] = [
      [0.6, 0.6, 0.6, 0.6, 0.6, 0.6],
      [0.22, 0.25, 0.5, 0.7, 0.97, 1],
    ];
    const sized = (size: number, shares: readonly number[] = []) =>
      shares.flatMap((share, setting) =>
        many(120, (i) =>
          member(`size${size} w${setting} s${i}`, pair([12, 1, Number(i < 120 * share)]), { setting, size }),
        ),
      );
    const [crossing] = diagnoseSweep([...sized(8, smaller), ...sized(16, larger)]).crossings;
    expect(crossing).toMatchObject({ smaller: 8, larger: 16, setting: { between: [1, 4] } });
    const { at } = told(crossing?.setting ?? { insufficient: "no_crossing", message: "" });
    expect(at).toBeGreaterThan(2);
    expect(at).toBeLessThan(3);
    const alike = diagnoseSweep([...sized(8, smaller), ...sized(16, smaller)]).crossings;
    expect(alike).toMatchObject([{ setting: { insufficient: "no_crossing" } }]);
  });

  test("a member without a setting is refused by name", () => {
    expect(() => diagnoseSweep([crossing("s0", 20, 5)])).toThrow(/^s0: .*setting/);
  });
});

describe("lag-1 autocorrelation", () => {
  function autoregressive(phi: number, count: number, draw: () => number): number[] {
    const values = [draw() / Math.sqrt(1 - phi ** 2)];
    while (values.length < count) values.push(phi * (values.at(-1) ?? 0) + draw());
    return values;
  }

  test.each([-0.4, 0, 0.3, 0.6, 0.9])("of an AR(1) process is its phi, %d", (phi) => {
    const drifting = autoregressive(phi, 5000, normal(5)).map((value, i) => value + i / 50);
    expect(lagOneAutocorrelation(drifting)).toBeCloseTo(phi, 1);
  });

  test.each([0, 0.3, 0.6])("has hardly a bias in short windows, phi %d", (phi) => {
    const draw = normal(6);
    const windows = Array.from({ length: 2000 }, () => lagOneAutocorrelation(autoregressive(phi, 20, draw)) ?? 0);
    const mean = windows.reduce((total, value) => total + value, 0) / windows.length;
    expect(Math.abs(mean - phi)).toBeLessThan(0.05);
  });

  test("is not told of short windows, nor of a line", () => {
    expect(lagOneAutocorrelation([1, 2, 1, 3, 1, 2, 1, 2, 3])).toBeNull();
    expect(lagOneAutocorrelation(Array.from({ length: 30 }, (_, i) => 0.1 * i))).toBeNull();
    expect(lagOneAutocorrelation(Array(30).fill(1))).toBeNull();
  });

  /** Members whose accuracy fluctuates as AR(1) about .5, at the steps given. */
  const fluctuating = (phi: number, steps: readonly number[]) => {
    const draw = normal(7);
    return many(8, (i) => {
      const values = autoregressive(phi, steps.length, draw);
      const points = steps.map((step, j) => {
        const correct = Math.round(50_000 + 3000 * (values[j] ?? 0));
        return { step, splits: { "ood:shift": { correct, total: 100_000 } } };
      });
      return member(`s${i}`, points);
    });
  };
  const evenly = Array.from({ length: 120 }, (_, i) => i * 10);

  test("along an ensemble is the mean over its members, as measured and not smoothed", () => {
    const { curve } = told(diagnoseEnsemble(fluctuating(0.6, evenly), { window: 100 }).reading);
    expect(curve[98]?.autocorrelation).toBeNull();
    const { autocorrelation, autocorrelationSe } = curve[110] ?? {};
    expect(Math.abs((autocorrelation ?? 0) - 0.6)).toBeLessThan(0.1);
    expect(autocorrelationSe).toBeGreaterThan(0);
    const white = told(diagnoseEnsemble(fluctuating(0, evenly), { window: 100 }).reading).curve[110];
    expect(Math.abs(white?.autocorrelation ?? 1)).toBeLessThan(0.1);
  });

  test("is not told where checkpoints are unevenly spaced", () => {
    const spaced = evenly.map((step) => Math.round(1.05 ** (step / 10) * 100));
    const { curve } = told(diagnoseEnsemble(fluctuating(0.6, spaced), { window: 30 }).reading);
    expect(curve.every(({ autocorrelation }) => autocorrelation === null)).toBe(true);
  });
});
