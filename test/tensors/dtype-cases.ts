import { expect } from "vitest";
import type { Dtype, Role, TensorStatistics } from "../../src/tensors/meter.ts";

/** A type, and elements of it. */
export interface DtypeCase {
  readonly dtype: Dtype;
  readonly onnx: number;
  readonly safetensors: string;
  /** The elements as they lie in a file. */
  readonly stored: ArrayBufferView;
  /** What they mean, by hand. */
  readonly values: readonly number[];
}

// Codes and values are those of the formats' own documents, not of the code under test.
export const CASES: readonly DtypeCase[] = [
  { dtype: "float64", onnx: 11, safetensors: "F64", stored: Float64Array.of(0, -1.5, 1e300), values: [0, -1.5, 1e300] },
  {
    dtype: "float32",
    onnx: 1,
    safetensors: "F32",
    stored: Float32Array.of(0, -1.5, 2 ** 127, 2 ** -149),
    values: [0, -1.5, 2 ** 127, 2 ** -149],
  },
  {
    dtype: "float16",
    onnx: 10,
    safetensors: "F16",
    stored: Uint16Array.of(0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0xfc00, 0x7e00),
    values: [0, -0, 1, -2, 65504, 2 ** -24, 2 ** -14, Infinity, -Infinity, NaN],
  },
  {
    dtype: "bfloat16",
    onnx: 16,
    safetensors: "BF16",
    stored: Uint16Array.of(0x3f80, 0xc000, 0x4049, 0x0001, 0x7f80, 0xff80, 0x7fc0),
    values: [1, -2, 3.140625, 2 ** -133, Infinity, -Infinity, NaN],
  },
  {
    dtype: "float8e4m3fn",
    onnx: 17,
    safetensors: "F8_E4M3",
    stored: Uint8Array.of(0x00, 0x01, 0x08, 0x38, 0xb8, 0x7e, 0x7f, 0xff),
    values: [0, 2 ** -9, 2 ** -6, 1, -1, 448, NaN, NaN],
  },
  {
    dtype: "float8e4m3fnuz",
    onnx: 18,
    safetensors: "F8_E4M3FNUZ",
    stored: Uint8Array.of(0x00, 0x01, 0x08, 0x40, 0xc0, 0x7f, 0xff, 0x80),
    values: [0, 2 ** -10, 2 ** -7, 1, -1, 240, -240, NaN],
  },
  {
    dtype: "float8e5m2",
    onnx: 19,
    safetensors: "F8_E5M2",
    stored: Uint8Array.of(0x00, 0x01, 0x04, 0x3c, 0xbc, 0x7b, 0x7c, 0xfc, 0x7d, 0x7f),
    values: [0, 2 ** -16, 2 ** -14, 1, -1, 57344, Infinity, -Infinity, NaN, NaN],
  },
  {
    dtype: "float8e5m2fnuz",
    onnx: 20,
    safetensors: "F8_E5M2FNUZ",
    stored: Uint8Array.of(0x00, 0x01, 0x04, 0x40, 0xc0, 0x7f, 0xff, 0x80),
    values: [0, 2 ** -17, 2 ** -15, 1, -1, 57344, -57344, NaN],
  },
  {
    dtype: "int64",
    onnx: 7,
    safetensors: "I64",
    stored: BigInt64Array.of(0n, -1n, 2n ** 53n, -(2n ** 63n)),
    values: [0, -1, 2 ** 53, -(2 ** 63)],
  },
  {
    dtype: "uint64",
    onnx: 13,
    safetensors: "U64",
    stored: BigUint64Array.of(0n, 1n, 2n ** 63n, 2n ** 64n - 1n),
    values: [0, 1, 2 ** 63, 2 ** 64],
  },
  {
    dtype: "int32",
    onnx: 6,
    safetensors: "I32",
    stored: Int32Array.of(0, -1, 2147483647, -2147483648),
    values: [0, -1, 2147483647, -2147483648],
  },
  { dtype: "uint32", onnx: 12, safetensors: "U32", stored: Uint32Array.of(0, 4294967295), values: [0, 4294967295] },
  { dtype: "int16", onnx: 5, safetensors: "I16", stored: Int16Array.of(-32768, 32767, 0), values: [-32768, 32767, 0] },
  { dtype: "uint16", onnx: 4, safetensors: "U16", stored: Uint16Array.of(0, 65535), values: [0, 65535] },
  { dtype: "int8", onnx: 3, safetensors: "I8", stored: Int8Array.of(-128, 127, 0, -1), values: [-128, 127, 0, -1] },
  { dtype: "uint8", onnx: 2, safetensors: "U8", stored: Uint8Array.of(0, 255, 7), values: [0, 255, 7] },
  { dtype: "bool", onnx: 9, safetensors: "BOOL", stored: Uint8Array.of(0, 1, 1), values: [0, 1, 1] },
];

type Measured = Pick<TensorStatistics, "name" | "norm" | "mean">;

/** Compares with statistics taken in the plainest way. */
export function expectStatistics(actual: Measured | undefined, { dtype, values }: DtypeCase, integers: Role): void {
  const finite = values.filter(Number.isFinite);
  const norm = Math.hypot(...finite);
  const mean = finite.reduce((sum, x) => sum + x, 0) / finite.length;
  expect(actual).toMatchObject({
    name: "t",
    dtype,
    shape: [values.length],
    max: Math.max(...finite.map(Math.abs)),
    zeros: values.filter((x) => x === 0).length,
    nans: values.filter(Number.isNaN).length,
    infinities: values.filter((x) => Math.abs(x) === Infinity).length,
    role: dtype.includes("float") ? "weight" : integers,
  });
  expect((actual?.norm ?? 0) / norm).toBeCloseTo(1, 14);
  expect(Math.abs((actual?.mean ?? 0) - mean)).toBeLessThanOrEqual(1e-15 * norm);
}
