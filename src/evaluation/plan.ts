/** A slice of a split. Shards of one unit are evaluated together, by one queue message. */
export interface PlannedShard {
  ordinal: number;
  unit: number;
  split: string;
  firstRow: number;
  rows: number;
}

/** Rough multiply-adds that one unit may take: about two seconds of single-threaded WASM at 15 GFLOP/s. */
const UNIT_OPERATIONS = 3e10;
/** Below this a shard costs more in bookkeeping than it spares. */
const SMALLEST_SHARD = 64;

/** What a plan must know of a split: its rows, and its targets where each row has several. */
export interface PlannedSplit {
  name: string;
  rows: number;
  total: number;
  /** Of one row's inputs. */
  rowBytes?: number;
}

/** Inputs that one shard reads: they lie in memory at once, beside the model. */
const SHARD_BYTES = 4 * 1024 * 1024;

/**
 * Cuts a suite into shards and groups them into units that one message evaluates within the edge's CPU limit.
 * The cost of a row is taken as two operations for each parameter and target: exact for dense layers that meet each
 * token once, too little where weights are used again and again (convolutions, tied weights, attention over long
 * rows). What a model really takes is bounded by the platform's limits and the count of attempts, not here.
 * Deterministic, so that every plan of the same checkpoint is the same.
 */
export function planShards(splits: readonly PlannedSplit[], parameters: number): PlannedShard[] {
  const shards: PlannedShard[] = [];
  let unit = 0;
  let room = UNIT_OPERATIONS;
  for (const split of splits) {
    const rowOperations = 2 * Math.max(1, parameters) * Math.max(1, split.total / split.rows);
    const most = Math.max(1, Math.floor(SHARD_BYTES / Math.max(1, split.rowBytes ?? 0)));
    let first = 0;
    while (first < split.rows) {
      const left = split.rows - first;
      const fits = Math.floor(room / rowOperations);
      if (fits < Math.min(SMALLEST_SHARD, left) && room < UNIT_OPERATIONS) {
        unit += 1;
        room = UNIT_OPERATIONS;
        continue;
      }
      const rows = Math.min(left, most, Math.max(SMALLEST_SHARD, fits));
      shards.push({ ordinal: shards.length, unit, split: split.name, firstRow: first, rows });
      first += rows;
      room -= rows * rowOperations;
    }
  }
  return shards;
}
