import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** ONNX files, right and wrong, field by field: numbers are those of onnx.proto. */

export const FLOAT = 1;
export const INT64 = 7;

type Write = (writer: BinaryWriter) => unknown;

export function bytesOf(...writes: Write[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const write of writes) write(writer);
  return writer.finish();
}

export const tag = (field: number, type: WireType) => (writer: BinaryWriter) => writer.tag(field, type);
export const integer = (field: number, value: number | bigint) => (writer: BinaryWriter) =>
  writer.tag(field, WireType.Varint).int64(value);
export const text = (field: number, value: string) => (writer: BinaryWriter) =>
  writer.tag(field, WireType.LengthDelimited).string(value);
export const bytes = (field: number, value: Uint8Array) => (writer: BinaryWriter) =>
  writer.tag(field, WireType.LengthDelimited).bytes(value);
export const message =
  (field: number, ...writes: Write[]) =>
  (writer: BinaryWriter) =>
    writer.tag(field, WireType.LengthDelimited).bytes(bytesOf(...writes));
export const packed =
  (
    field: number,
    write: (writer: BinaryWriter, value: number | bigint) => unknown,
    values: readonly (number | bigint)[],
  ) =>
  (writer: BinaryWriter) => {
    const inner = new BinaryWriter();
    for (const value of values) write(inner, value);
    return writer.tag(field, WireType.LengthDelimited).bytes(inner.finish());
  };

export const dims = (shape: readonly number[]) => packed(1, (writer, value) => writer.int64(value), shape);

/** TensorProto with raw_data, as PyTorch writes it. */
export const tensor = (name: string, type: number, shape: readonly number[], raw: Uint8Array): Write[] => [
  dims(shape),
  integer(2, type),
  text(8, name),
  bytes(9, raw),
];

export const initializer = (...args: Parameters<typeof tensor>) => message(5, ...tensor(...args));

export const node = (operator: string, inputs: string[], outputs: string[], ...more: Write[]) =>
  message(
    1,
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(3, `${operator}_0`),
    text(4, operator),
    ...more,
  );

/** ValueInfoProto of a tensor; field 11 for inputs, 12 for outputs. */
export const value = (field: number, name: string, type: number, shape: readonly (number | string | null)[]) =>
  message(
    field,
    text(1, name),
    message(
      2,
      message(
        1,
        integer(1, type),
        message(
          2,
          ...shape.map((dimension) =>
            message(
              1,
              ...(dimension === null
                ? []
                : [typeof dimension === "number" ? integer(1, dimension) : text(2, dimension)]),
            ),
          ),
        ),
      ),
    ),
  );

/** ModelProto around the fields of a graph. */
export const model = (graph: Write[], ...more: Write[]): Uint8Array =>
  bytesOf(integer(1, 8), text(2, "test"), message(7, ...graph), message(8, text(1, ""), integer(2, 17)), ...more);

export const int64s = (...values: number[]): Uint8Array => new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
export const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

/** A linear layer: x [batch, 3] times w [3, 2] plus b [2], then ReLU. Runs in ONNX Runtime. */
export const LINEAR_WEIGHT = [1, -2, 0.5, 4, -0.25, 8];
export const LINEAR_BIAS = [0.5, -1];
export const linearGraph: Write[] = [
  node("MatMul", ["x", "w"], ["xw"]),
  node("Add", ["xw", "b"], ["sum"]),
  node("Relu", ["sum"], ["y"]),
  text(2, "linear"),
  initializer("w", FLOAT, [3, 2], floats(...LINEAR_WEIGHT)),
  initializer("b", FLOAT, [2], floats(...LINEAR_BIAS)),
  value(11, "x", FLOAT, ["batch", 3]),
  value(12, "y", FLOAT, ["batch", 2]),
];
export const linearModel = (): Uint8Array => model(linearGraph);
