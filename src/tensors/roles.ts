import type { DtypeFacts } from "./dtypes.ts";
import type { Role } from "./measurement.ts";
import type { Statistics } from "./statistics.ts";

/**
 * Last parts of names that frameworks give to floating tensors which no gradient trains: batch norm's statistics
 * (PyTorch, Keras), rotary embeddings' frequencies, and the moments of SGD and Adam where a file has the optimizer
 * too. Only names that are never given to a weight.
 */
const BUFFER_NAMES = new Set([
  "running_mean",
  "running_var",
  "moving_mean",
  "moving_variance",
  "inv_freq",
  "exp_avg",
  "exp_avg_sq",
  "max_exp_avg_sq",
  "momentum_buffer",
]);
/** Flax keeps all of batch norm's statistics in a collection of this name. */
const BUFFER_COLLECTION = /(^|[./])batch_stats[./]/;

/** Masks that are not infinite are at least as large: weights this large and all equal there are none. */
const MASK_MAGNITUDE = 10_000;

/**
 * The role that a tensor's type, name or values give away, or undefined for one that may be a weight. In order:
 * integers and booleans are constants of an ONNX graph (shapes, indices, quantized values whose scale is elsewhere)
 * and buffers of a safetensors file; names that say so are buffers; masks are constants.
 */
export function roleByContent(
  name: string,
  dtype: DtypeFacts,
  statistics: Statistics,
  integers: "constant" | "buffer",
): Role | undefined {
  if (!dtype.floating) return integers;
  const last = name.slice(Math.max(name.lastIndexOf("."), name.lastIndexOf("/")) + 1).replace(/:0$/, "");
  if (BUFFER_NAMES.has(last) || BUFFER_COLLECTION.test(name)) return "buffer";
  return isMask(statistics) ? "constant" : undefined;
}

/**
 * Whether the elements are those of an attention mask: zero but for one value, which is minus infinity or large and
 * negative. It would count as divergence, or outweigh all weights.
 */
function isMask(statistics: Statistics): boolean {
  const { count, zeros, nans, infinities, negativeInfinities, max } = statistics;
  const others = count - zeros - infinities;
  if (nans > 0 || infinities !== negativeInfinities) return false;
  if (infinities > 0) return others === 0;
  // Sum of n equal numbers -max: compensated, so good to the last bits.
  const equal = Math.abs((statistics.mean() / max) * (count / others) + 1) < 1e-12;
  return others > 0 && max >= MASK_MAGNITUDE && equal;
}
