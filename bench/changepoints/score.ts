// How a segmentation is scored against several people's, as van den Burg and Williams define it (2003.06222, section 5).

/** Change points, each the index, from 0, of the first value after the change. */
export type Points = readonly number[];

/**
 * Covering, 0 to 1 (Arbelaez et al. 2010): every stretch that an annotator drew, weighted by its length, meets the found
 * stretch that fits it best by intersection over union; the mean over annotators. `length` is that of the series.
 */
export function covering(annotators: readonly Points[], found: Points, length: number): number {
  const ours = stretches(found, length);
  const each = annotators.map((points) =>
    stretches(points, length).reduce((sum, [from, to]) => {
      const fits = ours.map(([start, end]) => {
        const both = Math.min(to, end) - Math.max(from, start);
        return both > 0 ? both / (Math.max(to, end) - Math.min(from, start)) : 0;
      });
      return sum + ((to - from) / length) * Math.max(...fits);
    }, 0),
  );
  return mean(each);
}

/**
 * F1, 0 to 1: precision is the share of found points within `margin` of any annotator's point, recall the mean over
 * annotators of the share of their points found. A point is matched once. The series' start counts as a point of all.
 */
export function f1(annotators: readonly Points[], found: Points, margin = 5): number {
  const ours = withStart(found);
  const theirs = annotators.map(withStart);
  const precision = matched(withStart(theirs.flat()), ours, margin) / ours.length;
  const recall = mean(theirs.map((points) => matched(points, ours, margin) / points.length));
  return (2 * precision * recall) / (precision + recall);
}

/** How many of `truth` have a found point of their own within `margin`, the nearest first. */
function matched(truth: Points, found: Points, margin: number): number {
  const free = new Set(found);
  let count = 0;
  for (const point of truth) {
    const near = [...free]
      .filter((other) => Math.abs(other - point) <= margin)
      .toSorted((a, b) => Math.abs(a - point) - Math.abs(b - point) || a - b)[0];
    if (near === undefined) continue;
    free.delete(near);
    count += 1;
  }
  return count;
}

function withStart(points: Points): number[] {
  return [...new Set([0, ...points])].toSorted((a, b) => a - b);
}

function stretches(points: Points, length: number): [number, number][] {
  const starts = withStart(points).filter((point) => point < length);
  return starts.map((from, i) => [from, starts[i + 1] ?? length]);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
