const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** What a file may cost to read, whatever its headers claim. Sizes are in bytes, the rest are counts. */
export interface MeterLimits {
  /** Size of the whole file. ONNX has a further limit of its own, {@link PROTOBUF_BYTES}. */
  fileBytes: number;
  /** JSON header of a safetensors file. The specification allows more ({@link SPECIFIED_HEADER_BYTES}) than an edge isolate can hold parsed. */
  headerBytes: number;
  /** Tensors of a safetensors file, or initializers of an ONNX graph. */
  tensors: number;
  /** Elements of one tensor. */
  elements: number;
  /** Dimensions of one tensor. */
  rank: number;
  /** UTF-8 bytes of one name. */
  nameBytes: number;
  /** UTF-8 bytes of all names, and eight a dimension: all that outlives the bytes themselves. */
  keptBytes: number;
  /** Nodes of an ONNX graph, once with and once without its local functions expanded. */
  nodes: number;
  /** Different operators of an ONNX graph or function. */
  operators: number;
  /** Local functions of an ONNX model. */
  functions: number;
  /** Calls from local function to local function. */
  functionDepth: number;
  /** One attribute of a node. Large tensors belong into initializers, where they are measured. */
  constantBytes: number;
  /** Inputs and outputs of all nodes of an ONNX graph together. */
  nodeNames: number;
  /**
   * Elements of a tensor that a node makes of a shape in the file (ConstantOfShape, Expand, RandomNormal): a few bytes
   * may ask for any number. Shapes that are computed first are seen by the runtime alone, whose memory is capped.
   */
  filledElements: number;
  /** Subgraphs (If, Loop, Scan) within each other. 0 allows none: how long they run is not bounded by the file. */
  controlFlowDepth: number;
  /** Version of ONNX's own operator set. The greatest that ONNX Runtime 1.30 loads. */
  opset: number;
  /** Version of the file format. The greatest that ONNX Runtime 1.30 loads. */
  irVersion: number;
  /** Inputs of an ONNX graph that are not initializers; outputs; operator sets. */
  values: number;
}

export const DEFAULT_LIMITS: Readonly<MeterLimits> = {
  fileBytes: 64 * GIB,
  headerBytes: 4 * MIB,
  tensors: 16_384,
  elements: 2 ** 36,
  rank: 64,
  nameBytes: KIB,
  keptBytes: 4 * MIB,
  nodes: 100_000,
  operators: 1024,
  functions: 1024,
  functionDepth: 16,
  constantBytes: 4 * MIB,
  nodeNames: 400_000,
  filledElements: 2 ** 28,
  controlFlowDepth: 0,
  opset: 26,
  irVersion: 13,
  values: 1024,
};

/** Cap on the JSON header in the safetensors specification. A longer one is not a header at all. */
export const SPECIFIED_HEADER_BYTES = 100_000_000;

/** protobuf measures messages with a signed 32-bit length, so no parser reads an ONNX file beyond this. */
export const PROTOBUF_BYTES = 2 ** 31 - 1;

/** raw_data that precedes its data_type waits in memory up to this size: no known exporter writes in that order. */
export const REORDER_BYTES = 64 * KIB;
