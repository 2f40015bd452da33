/** A checkpoint as far as thinning looks at it. */
export interface Thinnable {
  step: number;
  /** Its bytes were let go before. */
  dropped: boolean;
  /** Its evaluation is still to come, and needs the bytes. */
  pending: boolean;
}

/** Steps from the last below a crossing to the first of the level after; `to` is null while it has not settled. */
export interface Crossing {
  from: number;
  to: number | null;
}

/** The newest keep their bytes: a transition is known only some checkpoints after it began. */
export const KEPT_NEWEST = 100;
/** So many checkpoints on either side of a crossing keep theirs: those before and after are what people compare. */
export const KEPT_AROUND = 10;

/**
 * Which checkpoints let their bytes go, where of a long run each n-th keeps them. Takes all of a model's checkpoints
 * by step, and returns those to drop. One that is kept stays kept when others come or go: distances are counted from
 * the last that has its bytes.
 */
export function chooseDropped<Row extends Thinnable>(
  rows: readonly Row[],
  keepEvery: number,
  crossings: readonly Crossing[],
): Row[] {
  const around = crossings.map(({ from, to }) => ({
    first: firstAt(rows, from) - KEPT_AROUND,
    last: to === null ? rows.length : firstAt(rows, to) + KEPT_AROUND,
  }));
  const dropped: Row[] = [];
  let since = keepEvery;
  for (const [n, row] of rows.entries()) {
    since += 1;
    if (row.dropped) continue;
    const needed =
      row.pending || n >= rows.length - KEPT_NEWEST || around.some(({ first, last }) => n >= first && n <= last);
    if (needed || since >= keepEvery) since = 0;
    else dropped.push(row);
  }
  return dropped;
}

function firstAt(rows: readonly Thinnable[], step: number): number {
  const found = rows.findIndex((row) => row.step >= step);
  return found < 0 ? rows.length : found;
}
