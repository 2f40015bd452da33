import { type Estimate, sum } from "./sample.ts";

/** Where something happens along steps or settings, in their units. `between` is an interval, ends included. */
export interface Located {
  at: number;
  between: [number, number];
}

export interface Peak extends Located {
  /** Which of the points given is the highest. */
  index: number;
}

/** Standard errors by which a point must lie below the highest not to be the peak: about 95% a comparison. */
export const APART = 2;
/** Standard errors by which two curves must differ for it to be told which is above. */
const SIDE_TOLD = 3;
/** Points that must tell on either side of a crossing: one alone may stray. */
const SIDE_POINTS = 2;
/** Share of the peak above which its points are taken for a parabola. */
const CAP = 0.8;

/**
 * The highest point of a curve, its points in order. The interval runs between the nearest points on either side from
 * which on all are below the highest by 2 standard errors of their difference, as `isBelow` tells by index; without it
 * points count as independent. Null where there is no such point on some side: the peak may lie outside.
 */
export function peakOf(
  curve: readonly Estimate[],
  isBelow: (i: number, top: number) => boolean = (i, top) => apart(curve[top], curve[i]),
): Peak | null {
  let index = 0;
  curve.forEach(({ value }, i) => {
    if (value > (curve[index]?.value ?? Number.NEGATIVE_INFINITY)) index = i;
  });
  const candidates = curve.flatMap((_, i) => (i === index || !isBelow(i, index) ? [i] : []));
  const [top, from, to] = [curve[index], curve[(candidates[0] ?? 0) - 1], curve[(candidates.at(-1) ?? 0) + 1]];
  if (top === undefined || from === undefined || to === undefined) return null;
  return { at: top.at, between: [from.at, to.at], index };
}

const apart = (top: Estimate | undefined, other: Estimate | undefined): boolean =>
  top !== undefined && other !== undefined && top.value - other.value > APART * Math.hypot(top.se, other.se);

/**
 * The top of the parabola fitted by least squares to the points next to a peak that reach .8 of it: finer than the
 * grid. In the units of `at`, so give logarithms where settings are spaced so. Null where fewer than 4 points reach it,
 * or the parabola has no top among them.
 */
export function vertexOf(curve: readonly Estimate[], peak: Peak): number | null {
  const high = (i: number) => (curve[i]?.value ?? 0) >= CAP * (curve[peak.index]?.value ?? 0);
  let [first, last] = [peak.index, peak.index];
  while (first > 0 && high(first - 1)) first -= 1;
  while (last < curve.length - 1 && high(last + 1)) last += 1;
  const points = curve.slice(first, last + 1);
  const [from, to] = [points[0], points.at(-1)];
  if (points.length < 4 || from === undefined || to === undefined) return null;
  const scale = (to.at - from.at) / 2;
  const xs = points.map(({ at }) => (at - peak.at) / scale);
  const [b, c] = fitParabola(
    xs,
    points.map(({ value }) => value),
  );
  const at = peak.at - (scale * b) / (2 * c);
  return c < 0 && at > from.at && at < to.at ? at : null;
}

/** Slope and curvature of the least-squares parabola a + b x + c x^2, from powers orthogonal over the points. */
function fitParabola(xs: readonly number[], ys: readonly number[]): [number, number] {
  const n = xs.length;
  const mean = sum(xs) / n;
  const line = xs.map((x) => x - mean);
  const spread = sum(line.map((x) => x * x));
  const skew = sum(line.map((x) => x ** 3)) / spread;
  const bow = line.map((x) => x * x - skew * x - spread / n);
  const along = (basis: readonly number[]) => sum(basis.map((x, i) => x * (ys[i] ?? 0))) / sum(basis.map((x) => x * x));
  const c = along(bow);
  return [along(line) - c * (skew + 2 * mean), c];
}

/**
 * Where two curves cross: for Binder cumulants of a smaller and a larger system that is the critical point, since U
 * there hardly depends on the size (Binder 1981). Only points that both curves have count. The interval runs from the
 * last point that tells which curve is above (by 3 standard errors) on one side to the first that does on the other; the
 * crossing is the zero of the weighted straight line between. Null unless at least 2 points tell on either side, and
 * all on one side the same: curves that merge, or wander about each other, do not cross.
 */
export function crossingOf(smaller: readonly Estimate[], larger: readonly Estimate[]): Located | null {
  const ofSmaller = new Map(smaller.map((estimate) => [estimate.at, estimate]));
  const differences = larger.flatMap(({ at, value, se }): Estimate[] => {
    const other = ofSmaller.get(at);
    return other === undefined ? [] : [{ at, value: value - other.value, se: Math.hypot(se, other.se) }];
  });
  differences.sort((a, b) => a.at - b.at);
  const told = differences.filter(({ value, se }) => Math.abs(value) > SIDE_TOLD * se);
  const turn = told.findIndex(({ value }) => Math.sign(value) !== Math.sign(told[0]?.value ?? 0));
  const after = told.slice(turn);
  const mixed = after.some(({ value }) => Math.sign(value) !== Math.sign(after[0]?.value ?? 0));
  if (turn < SIDE_POINTS || after.length < SIDE_POINTS || mixed) return null;
  const [from, to] = [told[turn - 1]?.at ?? 0, told[turn]?.at ?? 0];
  return {
    at: Math.min(to, Math.max(from, zeroOf(differences.filter(({ at }) => at >= from && at <= to)))),
    between: [from, to],
  };
}

/** Zero of the straight line fitted with weights 1/se^2; no error is taken for a very small one. */
function zeroOf(points: readonly Estimate[]): number {
  const weights = points.map(({ se }) => 1 / Math.max(se, 1e-9) ** 2);
  const mean = (of: (point: Estimate) => number) => sum(points.map((p, i) => (weights[i] ?? 0) * of(p))) / sum(weights);
  const [x, y] = [mean(({ at }) => at), mean(({ value }) => value)];
  const slope = mean(({ at, value }) => (at - x) * (value - y)) / mean(({ at }) => (at - x) ** 2);
  return x - y / slope;
}
