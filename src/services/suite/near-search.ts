import { canBeNear, type FindNear, indexRows, MOST_COLUMNS, MOST_INDEXED } from "../../evaluation/near.ts";
import { columnsOf, type RowTensor, valuesOfRow } from "../../evaluation/rows.ts";
import { type PlannedSplit, type ReadBytes, readRows, rowsOfBlock, type SuitePlan } from "./plan-suite.ts";

/** Rows of train that lie in memory at once, beside their index. */
const CHUNK_BYTES = 16 * 1024 * 1024;

/**
 * Looks rows up in all of train, chunk by chunk: the chunks are read and indexed anew for each block of rows, unless
 * there is but one.
 */
export class NearSearch {
  readonly #train: PlannedSplit;
  readonly #read: ReadBytes;
  readonly #step: number;
  #only: FindNear | null = null;

  constructor(train: PlannedSplit, read: ReadBytes) {
    this.#train = train;
    this.#read = read;
    this.#step = rowsOfBlock(train, CHUNK_BYTES, MOST_INDEXED);
  }

  /** How many rows of a block are nearly one of train; those that `inTrain` marks are not looked at. */
  async count(block: readonly RowTensor[], inTrain: Uint8Array): Promise<number> {
    const columns = block.map(columnsOf);
    const sought = Array.from(inTrain.keys()).filter((row) => inTrain[row] === 0);
    let left = sought;
    for (let first = 0; first < this.#train.rows && left.length > 0; first += this.#step) {
      const isNear = (await this.#index(first))(columns);
      left = left.filter((row) => !isNear(row));
    }
    return sought.length - left.length;
  }

  async #index(first: number): Promise<FindNear> {
    if (this.#only) return this.#only;
    const count = Math.min(this.#step, this.#train.rows - first);
    const find = indexRows((await readRows(this.#train, first, count, this.#read)).map(columnsOf), count);
    if (count === this.#train.rows) this.#only = find;
    return find;
  }
}

/**
 * What the search costs, in numbers that are looked at, about .1 microseconds each: of a row no more than 4,096, and as
 * many as 50 for the looking up.
 */
export function searchCost({ splits }: SuitePlan): number {
  const [train, ...others] = splits;
  if (!train || !canBeNear(widthOf(train))) return 0;
  const chunks = Math.ceil(train.rows / rowsOfBlock(train, CHUNK_BYTES, MOST_INDEXED));
  const ofRow = Math.min(widthOf(train), MOST_COLUMNS) + 50;
  return others.reduce((sum, { rows }) => sum + chunks * rows * ofRow, train.rows * ofRow);
}

/** Null where rows are too short to be near without being the same. */
export function searchOf(train: PlannedSplit, read: ReadBytes): NearSearch | null {
  return canBeNear(widthOf(train)) ? new NearSearch(train, read) : null;
}

const widthOf = ({ inputs }: PlannedSplit): number => inputs.reduce((sum, { shape }) => sum + valuesOfRow(shape), 0);
