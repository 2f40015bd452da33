/** Where a value lies between two pixels, and which values to label. */
export interface Scale {
  at(value: number): number;
  ticks: number[];
}

export type StepAxis = "linear" | "log";

/** A linear scale over [low, high] with about `wanted` round ticks. */
export function linearScale(low: number, high: number, from: number, to: number, wanted = 5): Scale {
  const span = high - low || 1;
  const step = roundStep(span / wanted);
  const ticks: number[] = [];
  for (let n = Math.ceil(low / step); n * step <= high + step * 1e-9; n += 1)
    ticks.push(Number((n * step).toPrecision(12)));
  return { at: (value) => from + ((value - low) / span) * (to - from), ticks };
}

/** Logarithmic in steps. Step 0 has no logarithm, so the scale is that of step + 1: shifted by less than a pixel. */
export function logStepScale(low: number, high: number, from: number, to: number): Scale {
  const inner = linearScale(Math.log10(low + 1), Math.log10(high + 1), from, to);
  const ticks: number[] = low === 0 ? [0] : [];
  for (let decade = 1; decade <= high; decade *= 10) if (decade >= low) ticks.push(decade);
  return { at: (value) => inner.at(Math.log10(value + 1)), ticks };
}

/** The next of 1, 2, 5, 10, … times a power of ten. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const lead = rough / power;
  return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

/**
 * Thins a curve to what a plot can show: of each of `buckets` pixel columns the first, lowest, highest and last point
 * stay, so that no dip of a single checkpoint disappears.
 */
export function thin(points: readonly [x: number, y: number][], buckets: number): [number, number][] {
  if (points.length <= buckets * 4) return [...points];
  const first = points[0]?.[0] ?? 0;
  const width = ((points.at(-1)?.[0] ?? 0) - first) / buckets || 1;
  const kept: [number, number][] = [];
  let bucket: [number, number][] = [];
  let column = 0;
  const flush = () => {
    const byHeight = bucket.toSorted((a, b) => a[1] - b[1]);
    const chosen = new Set([bucket[0], byHeight[0], byHeight.at(-1), bucket.at(-1)]);
    kept.push(...bucket.filter((point) => chosen.has(point)));
    bucket = [];
  };
  for (const point of points) {
    const own = Math.floor((point[0] - first) / width);
    if (own !== column) flush();
    column = own;
    bucket.push(point);
  }
  flush();
  return kept;
}
