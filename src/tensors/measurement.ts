import type { Dtype } from "./dtypes.ts";
import type { Spectrum } from "./spectra.ts";
import type { NoSpectrum } from "./spectrum-reader.ts";

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
  /** Only weights count towards `weightNorm`, `parameters` and `layers`. `roleByContent` and OnnxUses say who is one. */
  readonly role: Role;
  /** Of 2-D weights, where the meter was made to read spectra: null where this one has none. */
  readonly spectrum?: Spectrum | null;
  /** Why there is no spectrum. */
  readonly noSpectrum?: NoSpectrum;
}

/**
 * Who a tensor is for. A weight is trained by gradients. A buffer is state that is kept beside the weights (a batch
 * norm's running mean, an optimizer's moments). A constant belongs to the computation (indices, masks, bounds).
 */
export type Role = "weight" | "buffer" | "constant";

/** All weights of one layer, together. */
export interface LayerStatistics {
  /** What the names of its tensors have in common: see `layerOf`. */
  readonly name: string;
  /** Square root of the sum of squares of the finite elements. */
  readonly norm: number;
  /** Elements. */
  readonly parameters: number;
  /** NaN and infinite elements. */
  readonly nonFinite: number;
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
  /** Square root of the sum of squares of all finite elements of all weight tensors (see `TensorStatistics.role`). */
  readonly weightNorm: number;
  /** Elements of all weight tensors. */
  readonly parameters: number;
  /** NaN and infinite elements of all weight tensors: above 0, the training has diverged and the norm is partial. */
  readonly nonFinite: number;
  /** In the order of the file. */
  readonly tensors: readonly TensorStatistics[];
  /** In the order of their first weights. */
  readonly layers: readonly LayerStatistics[];
  /** Null for safetensors, which has none. */
  readonly graph: Graph | null;
}
