import { cutAfter, cutBefore } from "./kept.ts";

/** A slice of a split. Shards of one unit are evaluated together, by one queue message. */
export interface PlannedShard {
  ordinal: number;
  unit: number;
  split: string;
  firstRow: number;
  rows: number;
}

/**
 * Operations that one unit is planned to take: three to seven seconds of single-threaded WASM, so that what a message
 * costs besides is little beside it, and several evaluators still share a large suite.
 */
const UNIT_OPERATIONS = 1e11;
/** Below this a shard costs more in bookkeeping than it spares. */
const SMALLEST_SHARD = 64;

/** What a plan must know of a split: its rows, and its targets where each row has several. */
export interface PlannedSplit {
  name: string;
  rows: number;
  total: number;
}

/**
 * Cuts a suite into shards and groups them into units that one message evaluates within the edge's CPU limit.
 * The cost of a row is taken as two operations for each parameter and target: exact for dense layers that meet each
 * token once, too little where weights are used again and again (convolutions, tied weights, attention over long
 * rows). Where it was too little, the evaluator sees by its clock that a unit takes long, and leaves the rest to another
 * message. Shards end where blocks of losses do (kept.ts), so that sums do not depend on the cuts.
 * Deterministic, so that every plan of the same checkpoint is the same.
 */
export function planShards(splits: readonly PlannedSplit[], parameters: number): PlannedShard[] {
  const shards: PlannedShard[] = [];
  let unit = 0;
  let room = UNIT_OPERATIONS;
  for (const split of splits) {
    const rowOperations = 2 * Math.max(1, parameters) * Math.max(1, split.total / split.rows);
    let first = 0;
    while (first < split.rows) {
      const left = split.rows - first;
      const least = Math.min(left, SMALLEST_SHARD);
      let end = cutBefore(Math.min(split.rows, first + Math.floor(room / rowOperations)), split.rows);
      if (end - first < least) {
        if (room < UNIT_OPERATIONS) {
          unit += 1;
          room = UNIT_OPERATIONS;
          continue;
        }
        end = cutAfter(first + least, split.rows);
      }
      const rows = end - first;
      shards.push({ ordinal: shards.length, unit, split: split.name, firstRow: first, rows });
      first += rows;
      room -= rows * rowOperations;
    }
  }
  return shards;
}
