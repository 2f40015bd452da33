import type { InputDtype } from "./dtypes.ts";
import { valuesOfRow } from "./rows.ts";

/** A slice of one of a split's tensors: raw little-endian bytes, rows along the first axis. */
export interface FeedTensor {
  dtype: InputDtype;
  shape: readonly number[];
  bytes: Uint8Array;
}

/** What a shard is scored on: every tensor has the same number of rows. */
export interface Slice {
  inputs: Readonly<Record<string, FeedTensor>>;
  targets: FeedTensor;
  /** In the targets' shape, 0 where one is not asked; null where all are. */
  mask: FeedTensor | null;
}

export function rowsOf(slice: Slice): number {
  return slice.targets.shape[0] ?? 0;
}

/** The rows from `first` to before `last`, without a copy. */
export function cutSlice({ inputs, targets, mask }: Slice, first: number, last: number): Slice {
  return {
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, cutRows(tensor, first, last)])),
    targets: cutRows(targets, first, last),
    mask: mask && cutRows(mask, first, last),
  };
}

function cutRows({ dtype, shape, bytes }: FeedTensor, first: number, last: number): FeedTensor {
  const [rows = 1, ...row] = shape;
  const width = bytes.byteLength / (rows || 1);
  return { dtype, shape: [last - first, ...row], bytes: bytes.subarray(first * width, last * width) };
}

/** More keep no kernel busier. */
const MOST_ROWS = 256;
/** What the values between a model's layers may take of the heap, as far as the inputs' shapes tell. */
const ACTIVATION_BYTES = 16 * 1024 * 1024;
/** A number becomes some channels of its place, an index a vector and the layer four times as wide behind it. */
const BYTES_OF_NUMBER = 64;
const BYTES_OF_INDEX = 4096;

/** Rows of one forward pass, by the shapes of what is fed. Where they were too many for the heap, they are halved. */
export function rowsOfBatch({ inputs }: Slice): number {
  let bytes = 0;
  for (const { dtype, shape } of Object.values(inputs)) {
    const values = valuesOfRow(shape);
    bytes += values * (dtype.startsWith("float") ? BYTES_OF_NUMBER : BYTES_OF_INDEX);
  }
  return Math.max(1, Math.min(MOST_ROWS, Math.floor(ACTIVATION_BYTES / Math.max(1, bytes))));
}
