import type { InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { decode, type InputDtype } from "./dtypes.ts";
import { scoreClassification, type Tally } from "./metrics.ts";
import { loadRuntime } from "./runtime.ts";

/** Beyond this the WASM heap (three to four times the file) does not fit an isolate's 128 MB. */
export const MAX_MODEL_BYTES = 16 * 1024 * 1024;
/** Rows of a model's first forward pass, and the most that are worth while: more keep no kernel busier. */
const FIRST_ROWS = 32;
const MOST_ROWS = 256;

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

/** The last model, since shards of one checkpoint tend to land together. */
interface Held {
  digest: string;
  bytes: Uint8Array;
  session: InferenceSession;
  /** Rows of the next forward pass: doubled while it goes well, halved when the memory did not suffice. */
  rows: number;
}

export function createEngine(): Engine {
  let held: Held | null = null;
  // The heap is shared by all sessions, and restoring it ends them all: one thing at a time. Nothing in a turn waits
  // for I/O, so a turn never outlasts the message that took it.
  let turns: Promise<unknown> = Promise.resolve();
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = turns.then(work);
    turns = done.catch(() => {});
    return done;
  }

  /** Makes a model's session the held one. Where the heap is short, once more on a heap that nothing has used. */
  async function hold(digest: string, bytes: Uint8Array, rows = FIRST_ROWS): Promise<Held> {
    if (held?.digest === digest) return held;
    const former = held;
    held = null;
    try {
      if (former) await release(former.session);
      held = { digest, bytes, session: await createSession(bytes), rows };
    } catch (error) {
      if (!(error instanceof SpoiledHeap)) throw error;
      await restore();
      try {
        held = { digest, bytes, session: await createSession(bytes), rows };
      } catch (again) {
        if (!(again instanceof SpoiledHeap)) throw again;
        await restore();
        throw new ModelFailure("model_refused", `ONNX Runtime cannot load the model: ${again.message}`);
      }
    }
    return held;
  }

  async function restore(): Promise<void> {
    held = null;
    (await loadRuntime()).restore();
  }

  /** A batch from `first` on, smaller and on a fresh heap until it fits. A single row that fails is the model's fault. */
  async function scoreNext(digest: string, bytes: Uint8Array, output: string, slice: Slice, first: number) {
    let current = await hold(digest, bytes);
    for (;;) {
      const last = Math.min(rowsOf(slice), first + current.rows);
      try {
        const tally = await scoreBatch(current.session, output, slice, first, last);
        current.rows = Math.min(MOST_ROWS, current.rows * 2);
        return { tally, last };
      } catch (error) {
        if (!(error instanceof SpoiledHeap)) throw error;
        await restore();
        if (last - first === 1) {
          throw new ModelFailure("model_failed", `The model fails on a single row: ${error.message}`);
        }
        current = await hold(digest, bytes, Math.max(1, (last - first) >> 1));
      }
    }
  }

  return {
    async score({ digest, load }, output, slice) {
      const bytes = held?.digest === digest ? held.bytes : await load();
      const sum: Tally = { correct: 0, total: 0, lossSum: 0 };
      for (let first = 0; first < rowsOf(slice); ) {
        const { tally, last } = await inTurn(() => scoreNext(digest, bytes, output, slice, first));
        sum.correct += tally.correct;
        sum.total += tally.total;
        sum.lossSum += tally.lossSum;
        first = last;
      }
      return sum;
    },
  };
}

function rowsOf(slice: Slice): number {
  return slice.targets.shape[0] ?? 0;
}

/** ORT ran out of memory or trapped: its heap is not to be used again before it is restored. */
class SpoiledHeap extends Error {
  override readonly name = "SpoiledHeap";
}

/** A failure of ORT as ours: the model's, or the heap's. */
function asFailure(cause: unknown, code: ModelFailure["code"], said: string): Error {
  const line = firstLine(cause);
  // ORT reports what it refuses with a status. A trap, an abort or an exception that was thrown right through its
  // frames is no report; a bare number is the address of such an exception.
  const spoiled =
    cause instanceof WebAssembly.RuntimeError ||
    cause instanceof RangeError ||
    typeof cause === "number" ||
    /bad_alloc|abort|memory access out of bounds|out of memory|allocat/i.test(line);
  return spoiled ? new SpoiledHeap(line, { cause }) : new ModelFailure(code, `${said}: ${line}`, { cause });
}

/** @throws ModelFailure `model_too_large` */
export function checkModelBytes(bytes: number): void {
  if (bytes <= MAX_MODEL_BYTES) return;
  throw new ModelFailure(
    "model_too_large",
    `The model has ${bytes} bytes; the edge evaluates up to ${MAX_MODEL_BYTES}.`,
  );
}

async function createSession(bytes: Uint8Array): Promise<InferenceSession> {
  checkModelBytes(bytes.byteLength);
  const { ort } = await loadRuntime();
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
    throw asFailure(cause, "model_refused", "ONNX Runtime refuses the model");
  }
}

async function release(session: InferenceSession): Promise<void> {
  try {
    await session.release();
  } catch (cause) {
    throw new SpoiledHeap(firstLine(cause), { cause });
  }
}

async function scoreBatch(
  session: InferenceSession,
  output: string,
  slice: Slice,
  first: number,
  last: number,
): Promise<Tally> {
  if (!session.outputNames.includes(output)) {
    throw new ModelFailure(
      "output_mismatch",
      `The suite reads the output "${output}"; the model has ${session.outputNames.map((name) => `"${name}"`).join(", ")}.`,
    );
  }
  const { ort } = await loadRuntime();
  const feeds: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(slice.inputs)) {
    const shape = [last - first, ...tensor.shape.slice(1)];
    feeds[name] = new ort.Tensor(tensor.dtype as "float32", ortData(tensor, first, last), shape);
  }
  let logits: Tensor;
  try {
    const results = await session.run(feeds, [output]);
    logits = results[output] as Tensor;
  } catch (cause) {
    throw asFailure(cause, "model_failed", "The model fails on the suite's inputs");
  }
  try {
    return scoreLogits(logits, output, last - first, toNumbers(decodeRows(slice.targets, first, last)));
  } finally {
    logits.dispose();
  }
}

function scoreLogits(logits: Tensor, output: string, rows: number, targets: readonly number[]): Tally {
  const classes = logits.dims.at(-1) ?? 0;
  if (logits.type !== "float32" && logits.type !== "float64") {
    throw new ModelFailure("output_mismatch", `The output "${output}" is ${logits.type}; logits must be float32.`);
  }
  if (logits.size !== targets.length * classes) {
    throw new ModelFailure(
      "output_mismatch",
      `The output "${output}" has the shape [${logits.dims.join(", ")}]; for ${targets.length} targets it must be [${rows}, …, classes].`,
    );
  }
  const highest = targets.reduce((a, b) => Math.max(a, b), 0);
  if (highest >= classes) {
    throw new ModelFailure("output_mismatch", `The model has ${classes} classes; the suite has the target ${highest}.`);
  }
  return scoreClassification(logits.data as Float32Array, classes, targets);
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
