import type { Detector } from "../series.ts";
import { Energy } from "./energy.ts";
import { eventsOfSegments } from "./segments.ts";
import { twoSidedP } from "./student-t.ts";
import { l2Cost, mean, prefixSums, type Sums } from "./sums.ts";

/** Defaults of Otava's AnalysisOptions: window_len 50, max_pvalue 0.001, min_magnitude 0 (any change will do). */
const WINDOW = 50;
const MAX_P = 0.001;
/** The first pass takes ten times the p-value, so that the second has something to weigh. */
const MAX_P_WEAK = 10 * MAX_P;

interface Segment {
  start: number;
  end: number;
  cut: number;
  q: number;
}

/** Two-sided p of Student's t-test (pooled variance) between start..at and at..end. */
function pOfCut(sums: Sums, start: number, at: number, end: number): number {
  const [n, m] = [at - start, end - at];
  if (n + m <= 2) return 1;
  // Otava hands population deviations to a test that expects sample ones; kept, for its p-values are those.
  const left = (l2Cost(sums, start, at) * (n - 1)) / n;
  const right = (l2Cost(sums, at, end) * (m - 1)) / m;
  const error = Math.sqrt(((left + right) / (n + m - 2)) * (1 / n + 1 / m));
  const difference = Math.abs(mean(sums, start, at) - mean(sums, at, end));
  return difference === 0 ? 1 : twoSidedP(difference / error, n + m - 2);
}

/** First pass: cut each window while the likeliest cut of all its segments is significant; windows overlap by half. */
function weakCuts(values: readonly number[], sums: Sums): number[] {
  const energy = new Energy(WINDOW);
  const window = new Float64Array(WINDOW);
  const found = new Set<number>();
  const segment = (origin: number, start: number, end: number): Segment | null => {
    const best = energy.best(start - origin, end - origin);
    return best && { start, end, cut: origin + best.at, q: best.q };
  };
  for (let start = 0; start < values.length; ) {
    const end = Math.min(start + WINDOW, values.length);
    for (let i = start; i < end; i += 1) window[i - start] = values[i] ?? 0;
    energy.load(window.subarray(0, end - start));
    let open = [segment(start, start, end)].filter((part) => part !== null);
    let furthest = 0;
    while (open.length > 0) {
      const likeliest = open.reduce((a, b) => (b.q > a.q ? b : a));
      if (pOfCut(sums, likeliest.start, likeliest.cut, likeliest.end) > MAX_P_WEAK) break;
      found.add(likeliest.cut);
      furthest = Math.max(furthest, likeliest.cut);
      open = open.filter((part) => part !== likeliest);
      for (const part of [segment(start, likeliest.start, likeliest.cut), segment(start, likeliest.cut, likeliest.end)])
        if (part) open.push(part);
    }
    start = Math.max(furthest, start + WINDOW / 2);
  }
  return [...found].sort((a, b) => a - b);
}

/** Second pass, over the whole series: take away the least significant cut until all are, weighing its neighbours anew. */
function strongCuts(sums: Sums, weak: readonly number[]): number[] {
  const cuts = [0, ...weak, sums.length];
  const weigh = (k: number) => pOfCut(sums, cuts[k - 1] ?? 0, cuts[k] ?? 0, cuts[k + 1] ?? sums.length);
  const p = cuts.map((_, k) => (k === 0 || k === cuts.length - 1 ? 0 : weigh(k)));
  for (;;) {
    let weakest = 0;
    for (let k = 1; k < p.length; k += 1) if ((p[k] ?? 0) > (p[weakest] ?? 0)) weakest = k;
    if ((p[weakest] ?? 0) < MAX_P) return cuts.slice(1, -1);
    cuts.splice(weakest, 1);
    p.splice(weakest, 1);
    if (weakest > 1) p[weakest - 1] = weigh(weakest - 1);
    if (weakest < cuts.length - 1) p[weakest] = weigh(weakest);
  }
}

/**
 * The first index of every segment but the first, by the algorithm of Apache Otava (formerly Hunter; Fleming et al.
 * 2023, doi 10.1145/3578244.3583719), read at its commit 1ceb153: E-divisive in overlapping windows with a t-test in
 * place of permutations, then a merge. O(window) a value. One thing differs: when the merge takes a cut away, Otava
 * weighs the two cuts to its right anew and not the one to its left; here both neighbours are.
 */
export function eDivisive(values: readonly number[]): number[] {
  const sums = prefixSums(values);
  return strongCuts(sums, weakCuts(values, sums));
}

/** Otava with its defaults, looking back over the whole series as it does over a history of measurements. */
export const eDivisiveRival: Detector = {
  name: "E-divisive",
  description: "Apache Otava's windows of 50, t-test at p < .001, no least magnitude (its defaults)",
  find({ m }) {
    return eventsOfSegments(prefixSums(m), eDivisive(m));
  },
};
