// The handful of ONNX messages that a network needs, written field by field (onnx.proto names the numbers).
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Symbolic dimensions are strings: their size is known only when the model is run. */
export type Dimension = number | string;
export type ElementType = "float32" | "int64";

const ELEMENT_TYPES: Record<ElementType, number> = { float32: 1, int64: 7 };
const IR_VERSION = 8;
const OPSET_VERSION = 17;
/** AttributeProto.AttributeType.INT */
const INT_ATTRIBUTE = 2;
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

export interface NodeDescription {
  readonly operator: "Add" | "Cast" | "Gather" | "Gemm" | "MatMul" | "Mul" | "Relu";
  readonly inputs: readonly string[];
  readonly output: string;
  /** Element types are the only attributes that a node here has. */
  readonly attributes?: Readonly<Record<string, ElementType>>;
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
  for (const [name, type] of Object.entries(node.attributes ?? {})) {
    message(writer, 5, (writer) => {
      text(writer, 1, name);
      integer(writer, 3, ELEMENT_TYPES[type]);
      integer(writer, 20, INT_ATTRIBUTE);
    });
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
