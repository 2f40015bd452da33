import type { Dtype } from "./dtypes.ts";
import { TensorFormatError } from "./errors.ts";
import { DEFAULT_LIMITS, type MeterLimits } from "./limits.ts";
import { parseSafetensorsHeader } from "./safetensors-header.ts";

export { TensorFormatError } from "./errors.ts";
export { DEFAULT_LIMITS, type MeterLimits } from "./limits.ts";
export {
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
  safetensorsHeaderBytes,
} from "./safetensors-header.ts";
export { readAsBigInt64, readAsFloat32, readAsFloat64, readAsInt32 } from "./values.ts";

/** A tensor inside a buffer that holds the whole file, or a part of it that a caller has fetched. */
export interface TensorView {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Row-major, little-endian; a view of the file's own memory, of any alignment. */
  readonly bytes: Uint8Array;
  /** Where `bytes` begin, counted from the start of the file. */
  readonly offset: number;
}

export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorView>;
}

/**
 * Reads a whole safetensors file without copying it. Throws TensorFormatError as `parseSafetensorsHeader` does, and
 * `truncated` or `trailing_bytes` where the file does not end with its last tensor.
 */
export function readSafetensors(bytes: Uint8Array, limits: Readonly<MeterLimits> = DEFAULT_LIMITS): Safetensors {
  const header = parseSafetensorsHeader(bytes, limits);
  checkSafetensorsSize(header.fileBytes, bytes.length);
  const tensors = new Map<string, TensorView>();
  for (const { name, dtype, shape, offset, byteLength } of header.tensors) {
    tensors.set(name, { name, dtype, shape, bytes: bytes.subarray(offset, offset + byteLength), offset });
  }
  return { metadata: header.metadata, tensors };
}

/** Throws unless a file has the size its header promises. Both in bytes. */
export function checkSafetensorsSize(expected: number, actual: number): void {
  if (actual < expected) {
    throw new TensorFormatError(
      "truncated",
      `The file ends after ${actual} bytes, its header promises ${expected}. Send it whole.`,
    );
  }
  if (actual > expected) {
    throw new TensorFormatError(
      "trailing_bytes",
      `The file goes on after its last tensor: it should be ${expected} bytes long. Save it again.`,
    );
  }
}
