/** The types that a suite's inputs may have, by the name that ONNX Runtime gives them, as JavaScript holds them. */
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  /** The codes: ONNX Runtime takes them as they are, whether or not the platform has half floats. */
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
} as const;

export type InputDtype = keyof typeof ARRAYS;
export const INPUT_DTYPES = Object.keys(ARRAYS) as InputDtype[];

export function isInputDtype(dtype: string): dtype is InputDtype {
  return Object.hasOwn(ARRAYS, dtype);
}

/** Little-endian bytes as typed values. The bytes are copied: in a file they are aligned as it likes. */
export function decode(dtype: InputDtype, bytes: Uint8Array): InstanceType<(typeof ARRAYS)[InputDtype]> {
  // Not slice(): a Node Buffer's does not copy.
  return new ARRAYS[dtype](new Uint8Array(bytes).buffer);
}

/** The same without a copy where the bytes are aligned: to be read at once, and not to be written to. */
export function view(dtype: InputDtype, bytes: Uint8Array): InstanceType<(typeof ARRAYS)[InputDtype]> {
  const { buffer, byteOffset, byteLength } = bytes;
  const { BYTES_PER_ELEMENT: size } = ARRAYS[dtype];
  if (byteOffset % size !== 0 || !(buffer instanceof ArrayBuffer)) return decode(dtype, bytes);
  return new ARRAYS[dtype](buffer, byteOffset, byteLength / size);
}
