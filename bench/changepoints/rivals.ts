// The usual detectors of a change in the mean, with the defaults of R's changepoint package, as TCPDBench runs them.
import { findChangePoints } from "../../src/phases/changepoints.ts";
import type { Points } from "./score.ts";

export interface Finder {
  name: string;
  /** Null where the method takes one series alone and there are several. */
  find(series: readonly (readonly number[])[]): Points | null;
}

const bic = (n: number) => 2 * Math.log(n);
const modifiedBic = (n: number) => 3 * Math.log(n);

export const OURS: Finder = { name: "findChangePoints", find: (series) => findChangePoints(series) };

export const RIVALS: readonly Finder[] = [
  { name: "no change", find: () => [] },
  {
    name: "binary segmentation, BIC",
    find: single((values) => bisect(costOf(values, false), bic(values.length), values.length)),
  },
  {
    name: "binary segmentation, modified BIC",
    find: single((values) => bisect(costOf(values, true), modifiedBic(values.length), values.length)),
  },
  {
    name: "PELT (exact optimum), modified BIC",
    find: single((values) => optimum(costOf(values, true), modifiedBic(values.length), values.length)),
  },
];

type Cost = (from: number, to: number) => number;

function single(find: (values: readonly number[]) => Points): Finder["find"] {
  return ([values, ...more]) => (values && more.length === 0 ? find(values) : null);
}

/** Squared error about the mean of the standardised series; the modified BIC adds each stretch's log length. */
function costOf(values: readonly number[], modified: boolean): Cost {
  const n = values.length;
  const centre = values.reduce((sum, value) => sum + value, 0) / n;
  const scale = Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (n - 1)) || 1;
  const sums = [0];
  const squares = [0];
  for (const [i, value] of values.entries()) {
    const z = (value - centre) / scale;
    sums.push((sums[i] ?? 0) + z);
    squares.push((squares[i] ?? 0) + z * z);
  }
  return (from, to) => {
    const sum = (sums[to] ?? 0) - (sums[from] ?? 0);
    const error = (squares[to] ?? 0) - (squares[from] ?? 0) - (sum * sum) / (to - from);
    return modified ? error + Math.log(to - from) : error;
  };
}

/** The change that saves most, again and again, while it saves more than the penalty (Scott and Knott 1974). */
function bisect(cost: Cost, penalty: number, n: number): number[] {
  const points = [0, n];
  for (;;) {
    let [saved, place] = [penalty, -1];
    for (const [k, from] of points.entries()) {
      const to = points[k + 1] ?? from;
      for (let at = from + 1; at < to; at += 1) {
        const gain = cost(from, to) - cost(from, at) - cost(at, to);
        if (gain > saved) [saved, place] = [gain, at];
      }
    }
    if (place < 0) return points.slice(1, -1);
    points.push(place);
    points.sort((a, b) => a - b);
  }
}

/** What PELT finds (Killick et al. 2012), by plain dynamic programming: pruning changes its time, not its answer. */
function optimum(cost: Cost, penalty: number, n: number): number[] {
  const best = [-penalty];
  const before = [0];
  for (let to = 1; to <= n; to += 1) {
    let [least, place] = [Infinity, 0];
    for (let from = 0; from < to; from += 1) {
      const total = (best[from] ?? Infinity) + cost(from, to) + penalty;
      if (total < least) [least, place] = [total, from];
    }
    best.push(least);
    before.push(place);
  }
  const points: number[] = [];
  for (let at = before[n] ?? 0; at > 0; at = before[at] ?? 0) points.push(at);
  return points.reverse();
}
