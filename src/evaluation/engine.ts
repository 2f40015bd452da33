import type { InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { decode, type InputDtype } from "./dtypes.ts";
import { scoreClassification, type Tally } from "./metrics.ts";
import { loadRuntime } from "./runtime.ts";

/** Beyond this the WASM heap (three to four times the file) does not fit an isolate's 128 MB. */
export const MAX_MODEL_BYTES = 16 * 1024 * 1024;
/** Rows a forward pass: enough to keep the kernels busy, few enough for their activations. */
const BATCH_ROWS = 256;

/** The checkpoint's own fault: trying again gives the same answer. */
export class ModelFailure extends Error {
  override readonly name = "ModelFailure";
  readonly code: "model_refused" | "model_failed" | "output_mismatch" | "model_too_large";
  constructor(code: ModelFailure["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A slice of one of a split's tensors: raw little-endian bytes, rows along the first axis. */
export interface FeedTensor {
  dtype: InputDtype;
  shape: readonly number[];
  bytes: Uint8Array;
}

/** What a shard is scored on: every tensor has the same number of rows. */
export interface Slice {
  inputs: Readonly<Record<string, FeedTensor>>;
  targets: FeedTensor;
}

/** A model to score: `load` fetches its bytes when no session of that digest is at hand. */
export interface EngineModel {
  digest: string;
  load: () => Promise<Uint8Array>;
}

/** Sessions over one isolate's ONNX Runtime. */
export interface Engine {
  /** Scores one slice. @throws ModelFailure where the model itself is at fault */
  score(model: EngineModel, output: string, slice: Slice): Promise<Tally>;
}

/** A session with the number of scores that are using it: one is never released under another message's feet. */
interface Held {
  digest: string;
  session: InferenceSession;
  users: number;
}

/** Holds the last model's session, since shards of one checkpoint tend to land together. */
export function createEngine(): Engine {
  let held: Held | null = null;

  /** The session of a model, counted as in use from before anything else can run. */
  async function take(model: EngineModel): Promise<Held> {
    if (held?.digest !== model.digest) {
      const bytes = await model.load();
      // Before the next one loads: the heap holds one large model, not two.
      await letGo();
      const session = await createSession(bytes);
      await letGo();
      held = { digest: model.digest, session, users: 0 };
    }
    held.users += 1;
    return held;
  }

  /** Releases the held session, or leaves that to its last user. */
  async function letGo(): Promise<void> {
    const former = held;
    held = null;
    if (former?.users === 0) await former.session.release();
  }

  return {
    async score(model, output, slice) {
      const taken = await take(model);
      try {
        return await scoreSlice(taken.session, output, slice);
      } finally {
        taken.users -= 1;
        if (taken.users === 0 && held !== taken) await taken.session.release();
      }
    },
  };
}

async function createSession(bytes: Uint8Array): Promise<InferenceSession> {
  if (bytes.byteLength > MAX_MODEL_BYTES) {
    throw new ModelFailure(
      "model_too_large",
      `The model has ${bytes.byteLength} bytes; the edge evaluates up to ${MAX_MODEL_BYTES}.`,
    );
  }
  const ort = await loadRuntime();
  try {
    return await ort.InferenceSession.create(bytes, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "basic",
      // Each of the three trades speed at load for a heap that is a fifth smaller.
      enableCpuMemArena: false,
      enableMemPattern: false,
      extra: { session: { disable_prepacking: "1" } },
    });
  } catch (cause) {
    throw new ModelFailure("model_refused", `ONNX Runtime refuses the model: ${firstLine(cause)}`, { cause });
  }
}

async function scoreSlice(session: InferenceSession, output: string, slice: Slice): Promise<Tally> {
  if (!session.outputNames.includes(output)) {
    throw new ModelFailure(
      "output_mismatch",
      `The suite reads the output "${output}"; the model has ${session.outputNames.map((name) => `"${name}"`).join(", ")}.`,
    );
  }
  const rows = slice.targets.shape[0] ?? 0;
  const sum: Tally = { correct: 0, total: 0, lossSum: 0 };
  for (let first = 0; first < rows; first += BATCH_ROWS) {
    const last = Math.min(rows, first + BATCH_ROWS);
    const tally = await scoreBatch(session, output, slice, first, last);
    sum.correct += tally.correct;
    sum.total += tally.total;
    sum.lossSum += tally.lossSum;
  }
  return sum;
}

async function scoreBatch(
  session: InferenceSession,
  output: string,
  slice: Slice,
  first: number,
  last: number,
): Promise<Tally> {
  const ort = await loadRuntime();
  const feeds: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(slice.inputs)) {
    feeds[name] = new ort.Tensor(tensor.dtype as "float32", ortData(tensor, first, last), [
      last - first,
      ...tensor.shape.slice(1),
    ]);
  }
  let logits: Tensor;
  try {
    const results = await session.run(feeds, [output]);
    logits = results[output] as Tensor;
  } catch (cause) {
    throw new ModelFailure("model_failed", `The model fails on the suite's inputs: ${firstLine(cause)}`, { cause });
  }
  try {
    const targets = toNumbers(decodeRows(slice.targets, first, last));
    const classes = logits.dims.at(-1) ?? 0;
    if (logits.type !== "float32" && logits.type !== "float64") {
      throw new ModelFailure("output_mismatch", `The output "${output}" is ${logits.type}; logits must be float32.`);
    }
    if (logits.size !== targets.length * classes) {
      throw new ModelFailure(
        "output_mismatch",
        `The output "${output}" has the shape [${logits.dims.join(", ")}]; for ${targets.length} targets it must be [${last - first}, …, classes].`,
      );
    }
    const highest = targets.reduce((a, b) => Math.max(a, b), 0);
    if (highest >= classes) {
      throw new ModelFailure(
        "output_mismatch",
        `The model has ${classes} classes; the suite has the target ${highest}.`,
      );
    }
    return scoreClassification(logits.data as Float32Array, classes, targets);
  } finally {
    logits.dispose();
  }
}

function decodeRows(tensor: FeedTensor, first: number, last: number) {
  const rowBytes = tensor.bytes.byteLength / (tensor.shape[0] || 1);
  return decode(tensor.dtype, tensor.bytes.subarray(first * rowBytes, last * rowBytes));
}

/** The constructor of ort.Tensor is overloaded by type and cannot take the union; `decode` keeps the two in step. */
function ortData(tensor: FeedTensor, first: number, last: number): Float32Array {
  return decodeRows(tensor, first, last) as unknown as Float32Array;
}

function toNumbers(values: ArrayLike<number | bigint>): number[] {
  return Array.from(values, Number);
}

function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return (text.split("\n")[0] ?? text).slice(0, 300);
}
