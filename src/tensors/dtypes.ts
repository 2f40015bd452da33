/** Element types that can be measured. Names are ONNX's, written out where they abbreviate. */
export type Dtype =
  | "float64"
  | "float32"
  | "float16"
  | "bfloat16"
  | "float8e4m3fn"
  | "float8e4m3fnuz"
  | "float8e5m2"
  | "float8e5m2fnuz"
  | "int64"
  | "int32"
  | "int16"
  | "int8"
  | "uint64"
  | "uint32"
  | "uint16"
  | "uint8"
  | "bool";

export interface DtypeFacts {
  readonly name: Dtype;
  /** Bytes of one element, little-endian in both formats. */
  readonly bytes: 1 | 2 | 4 | 8;
  /** Only floating tensors can be weights. */
  readonly floating: boolean;
}

// Sources: onnx.proto TensorProto.DataType; safetensors `Dtype`. safetensors' bare F8_E4M3 is the "fn" variant.
const TABLE: readonly [name: Dtype, bytes: 1 | 2 | 4 | 8, onnx: number, safetensors: string][] = [
  ["float64", 8, 11, "F64"],
  ["float32", 4, 1, "F32"],
  ["float16", 2, 10, "F16"],
  ["bfloat16", 2, 16, "BF16"],
  ["float8e4m3fn", 1, 17, "F8_E4M3"],
  ["float8e4m3fnuz", 1, 18, "F8_E4M3FNUZ"],
  ["float8e5m2", 1, 19, "F8_E5M2"],
  ["float8e5m2fnuz", 1, 20, "F8_E5M2FNUZ"],
  ["int64", 8, 7, "I64"],
  ["int32", 4, 6, "I32"],
  ["int16", 2, 5, "I16"],
  ["int8", 1, 3, "I8"],
  ["uint64", 8, 13, "U64"],
  ["uint32", 4, 12, "U32"],
  ["uint16", 2, 4, "U16"],
  ["uint8", 1, 2, "U8"],
  ["bool", 1, 9, "BOOL"],
];

const byName = new Map<Dtype, DtypeFacts>();
const byOnnx = new Map<number, DtypeFacts>();
const bySafetensors = new Map<string, DtypeFacts>();
for (const [name, bytes, onnx, safetensors] of TABLE) {
  const facts: DtypeFacts = { name, bytes, floating: name.includes("float") };
  byName.set(name, facts);
  byOnnx.set(onnx, facts);
  bySafetensors.set(safetensors, facts);
}

/** Types that a graph may name for its inputs and outputs although they are never measured. */
const OTHER_ONNX_NAMES: Readonly<Record<number, string>> = {
  8: "string",
  14: "complex64",
  15: "complex128",
  21: "uint4",
  22: "int4",
  23: "float4e2m1",
  24: "float8e8m0",
  25: "uint2",
  26: "int2",
};

/** Facts by name. Total, because the table has a row for each name of the type. */
export const dtypeFacts = (name: Dtype): DtypeFacts => byName.get(name) as DtypeFacts;

/** From TensorProto.DataType; undefined where this room cannot measure it (strings, complex, less than a byte). */
export const dtypeFromOnnx = (id: number): DtypeFacts | undefined => byOnnx.get(id);

/** From a safetensors header; undefined for complex and sub-byte types. */
export const dtypeFromSafetensors = (name: string): DtypeFacts | undefined => bySafetensors.get(name);

/** A word for any TensorProto.DataType. */
export const onnxTypeName = (id: number): string => byOnnx.get(id)?.name ?? OTHER_ONNX_NAMES[id] ?? `type ${id}`;

/**
 * Product of the dimensions, or undefined where it (or a dimension) is not an exact number at most `limit`.
 * A scalar (rank 0) has one element; a zero anywhere makes it zero.
 */
export function elementCount(shape: readonly number[], limit: number): number | undefined {
  let product = 1;
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) return undefined;
    product *= dimension;
    // 0 * 2^60 must not hide behind its zero: later dimensions are still looked at, earlier ones were.
    if (product > limit || dimension > limit) return undefined;
  }
  return product;
}
