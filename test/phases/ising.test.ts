import { expect, test } from "vitest";
import { crossingOf, type Estimate, momentsOf, peakOf, vertexOf } from "../../src/phases/criticality.ts";
import { CRITICAL_TEMPERATURE, sampleIsing, uniform, wolff } from "./ising.ts";

const LENGTHS = [8, 16, 32];

/** Temperatures about and above the critical one: the peak of a small lattice lies far above it. */
const NEAR = [2.05, 2.1, 2.14, 2.18, 2.22, 2.26, 2.3, 2.34, 2.38, 2.42, 2.46, 2.5, 2.55, 2.6, 2.7, 2.8, 2.9, 3.05];
const UP_TO = new Map([
  [8, 3.05],
  [16, 2.8],
  [32, 2.55],
]);

function measure(temperatures: readonly number[], bond: (temperature: number) => number, count: number) {
  const random = uniform(20);
  return LENGTHS.map((length) => {
    const chi: Estimate[] = [];
    const cumulant: Estimate[] = [];
    for (const at of temperatures) {
      if (temperatures === NEAR && at > (UP_TO.get(length) ?? 0)) continue;
      const moments = momentsOf(sampleIsing(length, bond(at), count, random), length ** 2);
      if (moments === null) throw new Error("too few configurations");
      chi.push({ at, value: moments.susceptibility, se: moments.susceptibilitySe });
      cumulant.push({ at, value: moments.cumulant ?? 0, se: moments.cumulantSe ?? 0 });
    }
    return { length, chi, cumulant, peak: peakOf(chi) };
  });
}

/** Where the straight line through (x, y) meets x = 0. */
function intercept(points: readonly [number, number][]): number {
  const mean = (of: (point: [number, number]) => number) => points.reduce((s, p) => s + of(p), 0) / points.length;
  const [x, y] = [mean(([at]) => at), mean(([, value]) => value)];
  return y - (x * mean(([at, value]) => (at - x) * (value - y))) / mean(([at]) => (at - x) ** 2);
}

const within2Percent = (temperature: number) =>
  expect(Math.abs(temperature / CRITICAL_TEMPERATURE - 1), `${temperature}`).toBeLessThan(0.02);

const crossings = (systems: ReturnType<typeof measure>) =>
  systems.slice(1).map((larger, i) => crossingOf(systems[i]?.cumulant ?? [], larger.cumulant));

test("the two-dimensional Ising model turns critical at 2 / ln(1 + sqrt 2)", () => {
  const systems = measure(NEAR, wolff, 2500);
  // A finite lattice peaks at Tc + a L^(-1/nu), and nu = 1 in two dimensions (Onsager): a line in 1/L.
  const tops = systems.map(({ length, chi, peak }): [number, number] => [
    1 / length,
    peak === null ? Number.NaN : (vertexOf(chi, peak) ?? peak.at),
  ]);
  within2Percent(intercept(tops));
  for (const crossing of crossings(systems)) within2Percent(crossing?.at ?? Number.NaN);
  for (const crossing of crossings(systems)) {
    expect(crossing?.between[0]).toBeLessThan(CRITICAL_TEMPERATURE);
    expect(crossing?.between[1]).toBeGreaterThan(CRITICAL_TEMPERATURE);
  }
}, 60_000);

test.each([
  { name: "temperatures all below", from: 1.3, to: 1.9, bond: wolff },
  { name: "temperatures all above", from: 3.1, to: 4.3, bond: wolff },
  { name: "a kernel of half the coupling", from: 2.05, to: 3, bond: (t: number) => 1 - Math.exp(-1 / t) },
  { name: "a kernel of twice the coupling", from: 2.05, to: 3, bond: (t: number) => 1 - Math.exp(-4 / t) },
])(
  "no critical point is found with $name",
  ({ from, to, bond }) => {
    const temperatures = Array.from({ length: 9 }, (_, i) => from + ((to - from) * i) / 8);
    const systems = measure(temperatures, bond, 400);
    expect(systems.map(({ peak }) => peak)).toEqual([null, null, null]);
    expect(crossings(systems)).toEqual([null, null]);
  },
  60_000,
);
