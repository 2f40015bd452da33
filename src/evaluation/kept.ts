// What is kept of each example, so that two checkpoints can be paired later. Bounded for each split: a bit for an item,
// and the losses of at most 256 blocks of rows, which a paired bootstrap resamples as it would rows.

import { packBits } from "./bits.ts";
import { itemsOf, type Scoring, type Tally } from "./metrics.ts";
import { valuesOfRow } from "./rows.ts";

/** 16 KiB of bits for each split of a checkpoint. Of larger splits none are kept. */
export const MAX_KEPT_ITEMS = 131_072;
const MAX_BLOCKS = 256;

/** Rows of a split, and a shard's share of them. */
export interface Span {
  splitRows: number;
  firstRow: number;
  rows: number;
}

export const blocksOf = (splitRows: number): number => Math.min(splitRows, MAX_BLOCKS);

/** The block that a row lies in: blocks are as even as they can be, and the same however a split is cut into shards. */
export const blockOf = (row: number, splitRows: number): number => Math.floor((row * blocksOf(splitRows)) / splitRows);

/** The last row at or before this one that a block begins with, or the split's end. */
export function cutBefore(row: number, splitRows: number): number {
  if (row >= splitRows) return splitRows;
  return Math.ceil((blockOf(row, splitRows) * splitRows) / blocksOf(splitRows));
}

/** The first row at or after this one that a block begins with, or the split's end. */
export function cutAfter(row: number, splitRows: number): number {
  const before = cutBefore(row, splitRows);
  if (before === row) return row;
  return Math.ceil(((blockOf(row, splitRows) + 1) * splitRows) / blocksOf(splitRows));
}

/** Items of a row: what a row has bits for. */
export function itemsOfRow(scoring: Scoring, targetShape: readonly number[]): number {
  const targets = valuesOfRow(targetShape);
  return itemsOf(scoring, targets, targetShape.at(-1) ?? 1);
}

export interface Kept {
  correctness: Uint8Array | null;
  blockLosses: Uint8Array;
}

/** A shard's examples, as they are stored. */
export function keep({ correctness, rowLosses }: Tally, { splitRows, firstRow, rows }: Span): Kept {
  const from = blockOf(firstRow, splitRows);
  const losses = new Float64Array(blockOf(firstRow + rows - 1, splitRows) - from + 1);
  rowLosses.forEach((loss, n) => {
    const block = blockOf(firstRow + n, splitRows) - from;
    losses[block] = (losses[block] ?? 0) + loss;
  });
  const items = (correctness.length / rows) * splitRows;
  return {
    correctness: items > MAX_KEPT_ITEMS ? null : packBits(correctness),
    blockLosses: new Uint8Array(losses.buffer),
  };
}

/** Adds a shard's losses to those of its split. */
export function addBlockLosses(sums: Float64Array, stored: Uint8Array, { splitRows, firstRow, rows }: Span): void {
  const from = blockOf(firstRow, splitRows);
  blockLossesOf(stored, { splitRows, firstRow, rows }).forEach((loss, n) => {
    sums[from + n] = (sums[from + n] ?? 0) + loss;
  });
}

/** They were float32 once: the number of blocks tells. */
function blockLossesOf(stored: Uint8Array, { splitRows, firstRow, rows }: Span): Float64Array | Float32Array {
  const { buffer, byteLength } = new Uint8Array(stored);
  const blocks = blockOf(firstRow + rows - 1, splitRows) - blockOf(firstRow, splitRows) + 1;
  return byteLength === 8 * blocks ? new Float64Array(buffer) : new Float32Array(buffer);
}

/**
 * The sum of a split's losses, block by block. Shards end where blocks do, so it is the same to the last bit however
 * the split was cut. Null where a shard has no blocks, which were not always kept.
 */
export function sumBlockLosses(
  shards: readonly (Omit<Span, "splitRows"> & { blockLosses: Uint8Array | null })[],
): number | null {
  const splitRows = shards.reduce((sum, { rows }) => sum + rows, 0);
  const sums = new Float64Array(blocksOf(splitRows));
  for (const { blockLosses, ...shard } of shards) {
    if (!blockLosses) return null;
    addBlockLosses(sums, blockLosses, { splitRows, ...shard });
  }
  return sums.reduce((sum, loss) => sum + loss, 0);
}
