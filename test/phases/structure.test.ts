import fc from "fast-check";
import { expect, test } from "vitest";
import { append, begin, conclude, type FoldState, judge, type Point } from "../../src/phases/judge.ts";
import { NO_CHANCE, trace } from "./trajectories.ts";

type Layers = NonNullable<Point["layers"]>;

/** A memorizer whose norm falls, `count` checkpoints every 10 steps, with the layers that each is given. */
const memorizer = (count: number, layersAt: (i: number) => Layers | undefined): Point[] =>
  trace([
    { count: 1, train: 0.01, ood: { "ood:shift": 0.01 }, norm: [60, 60] },
    { count: count - 1, train: 1, ood: { "ood:shift": 0.01 }, norm: [60, 40] },
  ]).map((point, i) => {
    const layers = layersAt(i);
    return layers === undefined ? point : { ...point, layers };
  });

const structureOf = (points: readonly Point[]) => judge(points, NO_CHANCE).evidence.structure;

test("without layers there is no structure, and nothing of it in the state", () => {
  const points = memorizer(30, () => undefined);
  expect(structureOf(points)).toBeNull();
  expect(structureOf(memorizer(30, () => ({})))).toBeNull();
  expect(points.reduce((state, point) => append(state, point).state, begin(NO_CHANCE))).not.toHaveProperty("structure");
});

test("says which way norms, effective ranks and exponents go", () => {
  const points = memorizer(30, (i) => ({
    a: { norm: 40 - 0.5 * i, effectiveRank: i < 10 ? 20 + i : 40 - i, alpha: 6 - i / 10 },
    b: { norm: 10 + i, effectiveRank: 10, alpha: 4 },
    c: { norm: 5, alpha: 2 + i / 10 },
  }));
  expect(structureOf(points)).toEqual({
    asOfStep: 290,
    layers: 3,
    fallingLayers: 1,
    // The geometric mean over the two layers that have one.
    effectiveRank: { peakStep: 100, peak: 17.320508, now: 10.488088, trend: "falling" },
    alpha: { now: 4, trend: "flat" },
  });
});

test.each([
  { name: "falls", alpha: (i: number) => 6 - i / 10, trend: "falling" },
  { name: "rises", alpha: (i: number) => 2 + i / 10, trend: "rising" },
  { name: "jumps once and comes back", alpha: (i: number) => (i === 27 ? 9 : 4), trend: "flat" },
])("an exponent that $name is $trend", ({ alpha, trend }) => {
  const points = memorizer(30, (i) => ({ a: { norm: 1, effectiveRank: 3, alpha: alpha(i) } }));
  expect(structureOf(points)?.alpha?.trend).toBe(trend);
});

test.each([
  { name: "norms alone", layers: { a: { norm: 2 } }, want: { fallingLayers: 0, effectiveRank: null, alpha: null } },
  {
    name: "ranks alone",
    layers: { a: { effectiveRank: 4 }, b: { effectiveRank: 9, norm: null } },
    want: { fallingLayers: null, effectiveRank: { peakStep: 0, peak: 6, now: 6, trend: "flat" }, alpha: null },
  },
  {
    name: "a layer of zeros",
    layers: { a: { norm: 0, effectiveRank: 0, alpha: null } },
    want: { layers: 1, fallingLayers: null, effectiveRank: null, alpha: null },
  },
])("takes $name", ({ layers, want }) => {
  expect(structureOf(memorizer(20, () => layers))).toMatchObject(want);
});

test("other layers begin anew: means over different layers do not compare", () => {
  const narrow = { a: { norm: 1, effectiveRank: 50 } };
  const wide = { a: { norm: 1, effectiveRank: 50 }, b: { norm: 1, effectiveRank: 2 } };
  const points = memorizer(30, (i) => (i < 20 ? narrow : wide));
  expect(structureOf(points)).toMatchObject({
    layers: 2,
    fallingLayers: 0,
    effectiveRank: { peakStep: 200, peak: 10, now: 10, trend: "flat" },
  });
});

test("checkpoints whose layers were not measured leave it as of the last that were", () => {
  const sparse = memorizer(30, (i) => (i % 3 === 0 ? { a: { norm: 40 - i, effectiveRank: 30 - i } } : undefined));
  expect(structureOf(sparse)).toMatchObject({
    asOfStep: 270,
    fallingLayers: 1,
    effectiveRank: { peakStep: 0, peak: 30, now: 3, trend: "falling" },
  });
});

test("decides nothing: with layers or without, the verdict is the same but for the evidence", () => {
  const statistic = fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: null });
  const layers = fc.dictionary(
    fc.constantFrom("a", "b", "blocks.10.mlp"),
    fc.record({ norm: statistic, effectiveRank: statistic, alpha: statistic }),
  );
  fc.assert(
    fc.property(fc.array(layers, { minLength: 20, maxLength: 30 }), (given) => {
      const bare = memorizer(given.length, () => undefined);
      const full = memorizer(given.length, (i) => ({ ...given[i] }));
      const { evidence, ...verdict } = judge(full, NO_CHANCE);
      const { evidence: without, ...same } = judge(bare, NO_CHANCE);
      expect(verdict).toEqual(same);
      expect({ ...evidence, structure: null }).toEqual(without);
    }),
  );
});

const NAMES = Array.from({ length: 300 }, (_, i) => `blocks.${i}.attention.output.weight`);

/** Three hundred layers of a model that goes on changing, in an order of names that is another at every checkpoint. */
const large = (i: number): Layers =>
  Object.fromEntries(
    NAMES.map((_, n) => NAMES[(n + 7 * i) % NAMES.length] ?? "").map((name) => [
      name,
      { norm: 30 + Math.sin(i + name.length), effectiveRank: 400 + Math.cos(i), alpha: 3 + Math.sin(i) },
    ]),
  );

test("folding through a store of JSON concludes as judging at once, in whatever order the layers come", () => {
  const points = memorizer(40, (i) => (i % 5 === 4 ? undefined : large(i)));
  const sorted = points.map((point) => {
    const layers = Object.entries(point.layers ?? {}).toSorted(([a], [b]) => (a < b ? 1 : -1));
    return { ...point, layers: Object.fromEntries(layers) };
  });
  let state = begin(NO_CHANCE);
  for (const point of points) state = JSON.parse(JSON.stringify(append(state, point).state)) as FoldState;
  expect(conclude(state)).toEqual(judge(sorted, NO_CHANCE));
  expect(conclude(state).evidence.structure).toMatchObject({ layers: 300, effectiveRank: expect.anything() });
});

test("the state holds a number a layer, however many checkpoints there were", () => {
  const size = (count: number) => {
    const points = memorizer(count, large);
    return JSON.stringify(points.reduce((state, point) => append(state, point).state, begin(NO_CHANCE)).structure)
      .length;
  };
  expect(size(300)).toBeLessThan(size(30) * 1.05);
  expect(size(30)).toBeLessThan(300 * 10 + 600);
});

test("append leaves the state that it is given alone", () => {
  const points = memorizer(12, large);
  const state = points.slice(0, -1).reduce((folded, point) => append(folded, point).state, begin(NO_CHANCE));
  const before = JSON.stringify(state);
  append(state, points.at(-1) as Point);
  expect(JSON.stringify(state)).toBe(before);
});
