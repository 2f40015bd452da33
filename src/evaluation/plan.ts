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

/**
 * Cuts a suite into shards and groups them into units that one message evaluates within the edge's CPU limit.
 * The cost of a row is taken as two operations for each parameter, which is exact for dense layers.
 * Deterministic, so that every plan of the same checkpoint is the same.
 */
export function planShards(splits: readonly { name: string; rows: number }[], parameters: number): PlannedShard[] {
  const rowsPerUnit = Math.max(SMALLEST_SHARD, Math.floor(UNIT_OPERATIONS / Math.max(1, 2 * parameters)));
  const shards: PlannedShard[] = [];
  let unit = 0;
  let room = rowsPerUnit;
  for (const split of splits) {
    let first = 0;
    while (first < split.rows) {
      if (room === 0) {
        unit += 1;
        room = rowsPerUnit;
      }
      const rows = Math.min(room, split.rows - first);
      shards.push({ ordinal: shards.length, unit, split: split.name, firstRow: first, rows });
      first += rows;
      room -= rows;
    }
  }
  return shards;
}
