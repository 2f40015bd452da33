import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Messages of onnx.proto that can hold others, and in which fields. */
const NESTED: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  model: { 7: "graph", 8: "opset", 25: "function" },
  graph: { 1: "node", 5: "tensor", 11: "value", 12: "value", 15: "sparse" },
  function: { 7: "node", 9: "opset" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse" },
  sparse: { 1: "tensor", 2: "tensor" },
  tensor: { 13: "entry" },
  value: { 2: "type" },
  type: { 1: "tensorType" },
  tensorType: { 2: "shape" },
  shape: { 1: "dimension" },
};

/** A message as its fields, each of which can be changed alone. */
export interface Tree {
  kind: string;
  fields: Field[];
}

export interface Field {
  number: number;
  wire: WireType;
  value: bigint | Uint8Array | Tree;
  /** Added to the length that is written: a lie. */
  lie?: number;
}

/** Reads a well-formed message. */
export function parseTree(bytes: Uint8Array, kind = "model"): Tree {
  const reader = new BinaryReader(bytes);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    fields.push({ number, wire, value: readValue(reader, wire, NESTED[kind]?.[number]) });
  }
  return { kind, fields };
}

function readValue(reader: BinaryReader, wire: WireType, nested: string | undefined): Field["value"] {
  if (wire === WireType.Varint) return BigInt.asUintN(64, BigInt(reader.int64()));
  if (wire === WireType.Bit32) return BigInt(reader.fixed32());
  if (wire === WireType.Bit64) return BigInt(reader.fixed64());
  const bytes = reader.bytes();
  return nested === undefined ? bytes : parseTree(bytes, nested);
}

/** Writes a message, lies and all. */
export function writeTree({ fields }: Tree): Uint8Array {
  const writer = new BinaryWriter();
  for (const { number, wire, value, lie = 0 } of fields) {
    writer.uint32(((number << 3) | wire) >>> 0);
    if (typeof value === "bigint") {
      if (wire === WireType.Bit32) writer.fixed32(Number(BigInt.asUintN(32, value)));
      else if (wire === WireType.Bit64) writer.fixed64(BigInt.asUintN(64, value));
      else writer.uint64(BigInt.asUintN(64, value));
    } else {
      const bytes = value instanceof Uint8Array ? value : writeTree(value);
      writer.uint64(BigInt(Math.max(0, bytes.length + lie))).raw(bytes);
    }
  }
  return writer.finish();
}

/** Every message of a tree, the root first. */
export function messagesOf(tree: Tree): Tree[] {
  const found = [tree];
  for (const { value } of tree.fields) {
    if (typeof value !== "bigint" && !(value instanceof Uint8Array)) found.push(...messagesOf(value));
  }
  return found;
}

/** A copy that can be changed alone: bytes are replaced, never written to. */
export function copyField(field: Field): Field {
  const { value } = field;
  if (typeof value === "bigint" || value instanceof Uint8Array) return { ...field };
  return { ...field, value: { kind: value.kind, fields: value.fields.map(copyField) } };
}
