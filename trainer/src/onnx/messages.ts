// The handful of ONNX messages that a network needs, written field by field (onnx.proto names the numbers).
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Symbolic dimensions are strings: their size is known only when the model is run. */
export type Dimension = number | string;
export type ElementType = "float32" | "int64";

const ELEMENT_TYPES: Record<ElementType, number> = { float32: 1, int64: 7 };
const IR_VERSION = 8;
const OPSET_VERSION = 17;
/** AttributeProto.AttributeType */
const ATTRIBUTE_TYPES = { float: 1, integer: 2, integers: 7 };
const PRODUCER = "curie-point-trainer";

export interface TensorDescription {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dimension[];
}

export interface InitializerDescription extends TensorDescription {
  readonly shape: readonly number[];
  /** Little-endian, as every machine that runs WebAssembly has them in memory. */
  readonly bytes: Uint8Array;
}

export type Attribute =
  | { readonly type: ElementType }
  | { readonly integer: number }
  | { readonly integers: readonly number[] }
  | { readonly float: number };

export interface NodeDescription {
  readonly operator:
    | "Add"
    | "Cast"
    | "Constant"
    | "Div"
    | "Exp"
    | "Gather"
    | "Gemm"
    | "LayerNormalization"
    | "MatMul"
    | "Max"
    | "Mul"
    | "ReduceSum"
    | "Relu"
    | "Reshape"
    | "Sub";
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

export interface GraphDescription {
  readonly name: string;
  readonly nodes: readonly NodeDescription[];
  readonly initializers: readonly InitializerDescription[];
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly TensorDescription[];
}

type Write = (writer: BinaryWriter) => void;

export function encodeModel(graph: GraphDescription): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  integer(writer, 1, IR_VERSION);
  text(writer, 2, PRODUCER);
  message(writer, 7, (writer) => writeGraph(writer, graph));
  // The default operator set has the empty domain.
  message(writer, 8, (writer) => {
    text(writer, 1, "");
    integer(writer, 2, OPSET_VERSION);
  });
  return writer.finish();
}

function writeGraph(writer: BinaryWriter, graph: GraphDescription): void {
  for (const node of graph.nodes) message(writer, 1, (writer) => writeNode(writer, node));
  text(writer, 2, graph.name);
  for (const weight of graph.initializers) message(writer, 5, (writer) => writeInitializer(writer, weight));
  for (const input of graph.inputs) message(writer, 11, (writer) => writeValueInfo(writer, input));
  for (const output of graph.outputs) message(writer, 12, (writer) => writeValueInfo(writer, output));
}

function writeNode(writer: BinaryWriter, node: NodeDescription): void {
  for (const input of node.inputs) text(writer, 1, input);
  text(writer, 2, node.output);
  // Each output is made by one node, so its name names the node too.
  text(writer, 3, node.output);
  text(writer, 4, node.operator);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    message(writer, 5, (writer) => {
      text(writer, 1, name);
      writeAttribute(writer, value);
    });
  }
}

function writeAttribute(writer: BinaryWriter, value: Attribute): void {
  if ("float" in value) {
    writer.tag(2, WireType.Bit32).float(value.float);
    integer(writer, 20, ATTRIBUTE_TYPES.float);
  } else if ("integers" in value) {
    for (const item of value.integers) integer(writer, 8, item);
    integer(writer, 20, ATTRIBUTE_TYPES.integers);
  } else {
    integer(writer, 3, "type" in value ? ELEMENT_TYPES[value.type] : value.integer);
    integer(writer, 20, ATTRIBUTE_TYPES.integer);
  }
}

function writeInitializer(writer: BinaryWriter, weight: InitializerDescription): void {
  for (const size of weight.shape) integer(writer, 1, size);
  integer(writer, 2, ELEMENT_TYPES[weight.type]);
  text(writer, 8, weight.name);
  writer.tag(9, WireType.LengthDelimited).bytes(weight.bytes);
}

function writeValueInfo(writer: BinaryWriter, value: TensorDescription): void {
  const writeShape: Write = (writer) => {
    for (const size of value.shape) {
      message(writer, 1, (writer) => (typeof size === "number" ? integer(writer, 1, size) : text(writer, 2, size)));
    }
  };
  const writeTensorType: Write = (writer) => {
    integer(writer, 1, ELEMENT_TYPES[value.type]);
    message(writer, 2, writeShape);
  };
  text(writer, 1, value.name);
  message(writer, 2, (writer) => message(writer, 1, writeTensorType));
}

function integer(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function message(writer: BinaryWriter, field: number, write: Write): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}
