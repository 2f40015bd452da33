/** How much of a history is taken in, where somebody else sends it and memory is short. */
export interface Bounds {
  steps: number;
  /** Cells that are measurements of ours. */
  values: number;
  /** Characters of one JSON value: it is parsed whole, and takes several times its length. */
  document: number;
}

export const NO_BOUNDS: Bounds = { steps: Infinity, values: Infinity, document: Infinity };

/** Different names of columns, in any table: each takes more than its length. */
export const MAX_COLUMNS = 10_000;
