import type { Dtype } from "./dtypes.ts";

export type Format = "onnx" | "safetensors";

/** One tensor of a checkpoint. All numbers are finite: NaN and infinite elements are counted and then left out. */
export interface TensorStatistics {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Euclidean norm of the finite elements. */
  readonly norm: number;
  /** Mean of the finite elements; 0 where there are none. */
  readonly mean: number;
  /** Largest magnitude of the finite elements; 0 where there are none. */
  readonly max: number;
  readonly zeros: number;
  readonly nans: number;
  readonly infinities: number;
  /**
   * Whether the tensor counts towards `weightNorm` and `parameters`: it does if its type is floating. Integers and
   * booleans are buffers (indices, masks, quantized values whose scale is elsewhere). Neither format says which
   * floating tensors were trained, so floating buffers such as a batch norm's running mean count as weights.
   */
  readonly weight: boolean;
}

/** An input or output of a graph. */
export interface GraphValue {
  readonly name: string;
  /** An element type of ONNX ("float32", "int64", "string"), or "sequence", "map", "sparse", "optional", "unknown". */
  readonly dtype: string;
  /** A number, the name of a symbolic dimension, or null where a dimension is unknown. */
  readonly shape: readonly (number | string | null)[];
  /** False where the file gives no shape at all; `shape` is then empty, which would otherwise mean a scalar. */
  readonly ranked: boolean;
}

export interface Graph {
  /** Inputs a caller must feed: those that are not also initializers. */
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** Nodes of the main graph, local functions not expanded. */
  readonly nodes: number;
  /** Operator set versions by domain; "" is ONNX itself. */
  readonly opset: Readonly<Record<string, number>>;
  readonly irVersion: number;
  /** How often each operator occurs in the main graph, as `Relu` or `domain::Name`. */
  readonly operators: Readonly<Record<string, number>>;
}

export interface Measurement {
  readonly format: Format;
  /** Square root of the sum of squares of all finite elements of all weight tensors (see `TensorStatistics.weight`). */
  readonly weightNorm: number;
  /** Elements of all weight tensors. */
  readonly parameters: number;
  /** NaN and infinite elements of all weight tensors: above 0, the training has diverged and the norm is partial. */
  readonly nonFinite: number;
  /** In the order of the file. */
  readonly tensors: readonly TensorStatistics[];
  /** Null for safetensors, which has none. */
  readonly graph: Graph | null;
}
