import { readAsFloat32 } from "../tensors/values.ts";
import { decode, type InputDtype } from "./dtypes.ts";

/** One of a split's tensors, rows along the first axis. */
export interface RowTensor {
  name: string;
  dtype: InputDtype;
  shape: readonly number[];
  bytes: Uint8Array;
}

/**
 * Hashes of rows over all the tensors, in 53 bits: among a million different rows the chance that any two share one is
 * about 1 in 20,000.
 */
export function hashRows(tensors: readonly RowTensor[], rows: number): Float64Array {
  const hashes = new Float64Array(rows);
  for (let row = 0; row < rows; row += 1) {
    let [low, high] = [0x811c9dc5, 0x9e3779b9];
    for (const { bytes } of tensors) {
      const width = bytes.length / rows;
      for (let n = row * width; n < (row + 1) * width; n += 1) {
        low = Math.imul(low ^ (bytes[n] ?? 0), 0x01000193);
        high = Math.imul(high ^ (bytes[n] ?? 0), 0x85ebca6b) ^ (high >>> 15);
      }
    }
    hashes[row] = ((mix(high) & 0x1fffff) >>> 0) * 2 ** 32 + (mix(low) >>> 0);
  }
  return hashes;
}

/** Of each pair of hashes one, as wide as they are. */
export function joinHashes(first: Float64Array, second: Float64Array): Float64Array {
  return first.map((a, n) => {
    const b = second[n] ?? 0;
    // `| 0` takes the lower 32 bits of a whole double.
    const low = mix((a | 0) + Math.imul(b | 0, 0x9e3779b1));
    const high = mix(Math.floor(a / 2 ** 32) + Math.imul(Math.floor(b / 2 ** 32), 0x85ebca6b));
    return ((high & 0x1fffff) >>> 0) * 2 ** 32 + (low >>> 0);
  });
}

/** The finalizer of MurmurHash3: every bit of the word reaches every other. */
export function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** Whether a sorted list holds a value. */
export function holds(sorted: Float64Array, value: number): boolean {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] ?? 0) < value) from = middle + 1;
    else to = middle;
  }
  return sorted[from] === value;
}

/** How many values a row has, in a tensor whose first axis is rows. */
export function valuesOfRow(shape: readonly number[]): number {
  return shape.slice(1).reduce((product, length) => product * length, 1);
}

/** A tensor's values by row and column. */
export interface Columns {
  whole: boolean;
  width: number;
  at: (row: number, column: number) => number;
}

export function columnsOf(tensor: RowTensor): Columns {
  const width = valuesOfRow(tensor.shape);
  const whole = !tensor.dtype.startsWith("float");
  if (tensor.dtype === "int64") {
    // Not as bigints, each of which is an object.
    const words = new Int32Array(decode("int64", tensor.bytes).buffer);
    return {
      ...{ whole, width },
      at: (row, column) => {
        const word = 2 * (row * width + column);
        return (words[word + 1] ?? 0) * 2 ** 32 + ((words[word] ?? 0) >>> 0);
      },
    };
  }
  const values = tensor.dtype === "float16" ? readAsFloat32({ ...tensor, dtype: "float16" }) : decoded(tensor);
  return { ...{ whole, width }, at: (row, column) => Number(values[row * width + column] ?? 0) };
}

const decoded = ({ dtype, bytes }: RowTensor): ArrayLike<number | bigint> => decode(dtype, bytes);
