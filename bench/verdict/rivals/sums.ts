/** Sums of the first k values and of their squares, so that a segment's mean and cost take constant time. */
export interface Sums {
  length: number;
  of: Float64Array;
  ofSquares: Float64Array;
}

export function prefixSums(values: readonly number[]): Sums {
  const of = new Float64Array(values.length + 1);
  const ofSquares = new Float64Array(values.length + 1);
  values.forEach((value, i) => {
    of[i + 1] = (of[i] ?? 0) + value;
    ofSquares[i + 1] = (ofSquares[i] ?? 0) + value * value;
  });
  return { length: values.length, of, ofSquares };
}

/** Mean of the values from `start` (included) to `end` (not included). */
export function mean({ of }: Sums, start: number, end: number): number {
  return ((of[end] ?? 0) - (of[start] ?? 0)) / (end - start);
}

/** Sum of squared distances from the segment's own mean: the L2 cost, which fits a normal mean. */
export function l2Cost({ of, ofSquares }: Sums, start: number, end: number): number {
  const sum = (of[end] ?? 0) - (of[start] ?? 0);
  return Math.max(0, (ofSquares[end] ?? 0) - (ofSquares[start] ?? 0) - (sum * sum) / (end - start));
}
