import { type Dtype, dtypeFacts } from "./dtypes.ts";
import { quote, TensorFormatError } from "./errors.ts";
import { widen } from "./widening.ts";

/** What the readers need of a tensor; a TensorView is one. */
export interface TensorValues {
  readonly name: string;
  readonly dtype: Dtype;
  /** Whole elements, little-endian, of any alignment. */
  readonly bytes: Uint8Array;
}

/** Elements of a tensor; throws where the last one is cut. */
function countElements({ name, dtype, bytes }: TensorValues): number {
  const count = bytes.length / dtypeFacts(dtype).bytes;
  if (Number.isInteger(count)) return count;
  throw new TensorFormatError(
    "size_mismatch",
    `Tensor ${quote(name)} of type ${dtype} ends inside of an element: it has ${bytes.length} bytes.`,
  );
}

/** Decodes into what `create` makes, through a copy where the bytes are not aligned as typed arrays must be. */
function decode<T extends Float32Array | Float64Array>(tensor: TensorValues, create: (count: number) => T): T {
  const count = countElements(tensor);
  const { bytes, dtype } = tensor;
  // Not slice(): a Node Buffer's does not copy.
  const aligned = bytes.byteOffset % dtypeFacts(dtype).bytes === 0 ? bytes : new Uint8Array(bytes);
  const into = create(count);
  widen(dtype, aligned.buffer, aligned.byteOffset, count, into);
  return into;
}

/** All elements as float32, a copy. Exact for float32 and narrower types; wider ones round to nearest. */
export function readAsFloat32(tensor: TensorValues): Float32Array<ArrayBuffer> {
  return decode(tensor, (count) => new Float32Array(count));
}

/** All elements as float64, a copy. Exact for every type but integers beyond 2^53, which round to nearest. */
export function readAsFloat64(tensor: TensorValues): Float64Array<ArrayBuffer> {
  return decode(tensor, (count) => new Float64Array(count));
}

function refuseFloating({ name, dtype }: TensorValues, wanted: string): void {
  if (dtype.includes("float")) {
    throw new TensorFormatError(
      "unsupported_dtype",
      `Tensor ${quote(name)} is ${dtype} where whole numbers are needed. Save it as ${wanted}.`,
    );
  }
}

/**
 * All elements of an integer or boolean tensor as int32, a copy: class indices, token ids. Throws
 * `unsupported_dtype` for floating types and `value_out_of_range` for an element beyond 32 bits.
 */
export function readAsInt32(tensor: TensorValues): Int32Array<ArrayBuffer> {
  refuseFloating(tensor, "int32");
  const values = readAsFloat64(tensor);
  const into = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    into[i] = value;
    // A 64-bit integer that was rounded on its way is far outside of 32 bits, so the comparison still sees it.
    if (into[i] !== value) {
      throw new TensorFormatError(
        "value_out_of_range",
        `Tensor ${quote(tensor.name)} has the value ${value} at element ${i}, which does not fit 32 bits.`,
      );
    }
  }
  return into;
}

/**
 * All elements of an integer or boolean tensor as int64, a copy: what ONNX graphs take for indices. Throws
 * `unsupported_dtype` for floating types and `value_out_of_range` for a uint64 beyond 2^63 - 1.
 */
export function readAsBigInt64(tensor: TensorValues): BigInt64Array<ArrayBuffer> {
  refuseFloating(tensor, "int64");
  if (tensor.dtype === "int64" || tensor.dtype === "uint64") {
    const into = new BigInt64Array(countElements(tensor));
    new Uint8Array(into.buffer).set(tensor.bytes);
    if (tensor.dtype === "uint64" && into.some((value) => value < 0n)) {
      throw new TensorFormatError(
        "value_out_of_range",
        `Tensor ${quote(tensor.name)} has a value beyond 2^63 - 1, which does not fit a signed 64-bit integer.`,
      );
    }
    return into;
  }
  return BigInt64Array.from(readAsFloat64(tensor), (value) => BigInt(value));
}
