import type { InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { checkClasses, toFloats, widthOf } from "./answers.ts";
import { decode, type InputDtype } from "./dtypes.ts";
import { joinTallies, type Scoring, scoreBatch, type Tally } from "./metrics.ts";
import { ModelFailure } from "./model-failure.ts";
import { loadRuntime } from "./runtime.ts";

export { ModelFailure } from "./model-failure.ts";

/** Beyond this the WASM heap (three to four times the file) does not fit an isolate's 128 MB. */
export const MAX_MODEL_BYTES = 16 * 1024 * 1024;
/** Rows of a model's first forward pass, and the most that are worth while: more keep no kernel busier. */
const FIRST_ROWS = 32;
const MOST_ROWS = 256;

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
  /** In the targets' shape, 0 where one is not asked; null where all are. */
  mask: FeedTensor | null;
}

/** What is asked of every model on a suite. */
export interface Question {
  /** The model output that answers. */
  output: string;
  scoring: Scoring;
}

/** A model to score: `load` fetches its bytes when no session of that digest is at hand. */
export interface EngineModel {
  digest: string;
  load: () => Promise<Uint8Array>;
}

/** Sessions over one isolate's ONNX Runtime. */
export interface Engine {
  /** Scores one slice. @throws ModelFailure where the model itself is at fault */
  score(model: EngineModel, question: Question, slice: Slice): Promise<Tally>;
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
        held = { digest, bytes, session: await createSession(bytes, { prepacked: false }), rows };
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
  async function scoreNext(digest: string, bytes: Uint8Array, question: Question, slice: Slice, first: number) {
    let current = await hold(digest, bytes);
    for (;;) {
      const last = Math.min(rowsOf(slice), first + current.rows);
      try {
        const tally = await scoreRows(current.session, question, slice, first, last);
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
    async score({ digest, load }, question, slice) {
      const bytes = held?.digest === digest ? held.bytes : await load();
      const tallies: Tally[] = [];
      for (let first = 0; first < rowsOf(slice); ) {
        const { tally, last } = await inTurn(() => scoreNext(digest, bytes, question, slice, first));
        tallies.push(tally);
        first = last;
      }
      return joinTallies(tallies);
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

/**
 * Up to this the weights are packed anew at load, which makes products a quarter to a half faster and takes their size
 * once more: of a larger model the heap has no room for that.
 */
const PREPACKED_BYTES = 8 * 1024 * 1024;

async function createSession(bytes: Uint8Array, { prepacked = true } = {}): Promise<InferenceSession> {
  checkModelBytes(bytes.byteLength);
  const { ort } = await loadRuntime();
  try {
    return await ort.InferenceSession.create(bytes, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "basic",
      // The two trade speed for a smaller heap.
      enableCpuMemArena: false,
      enableMemPattern: false,
      extra: { session: { disable_prepacking: prepacked && bytes.byteLength <= PREPACKED_BYTES ? "0" : "1" } },
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

async function scoreRows(
  session: InferenceSession,
  { output, scoring }: Question,
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
  let answer: Tensor;
  try {
    const results = await session.run(feeds, [output]);
    answer = results[output] as Tensor;
  } catch (cause) {
    throw asFailure(cause, "model_failed", "The model fails on the suite's inputs");
  }
  try {
    const rows = last - first;
    const width = widthOf(answer, output, scoring, [rows, ...slice.targets.shape.slice(1)]);
    const targets = toNumbers(slice.targets, first, last);
    const mask = slice.mask && toNumbers(slice.mask, first, last);
    if (scoring.task === "classification") checkClasses(width, scoring, targets, mask);
    return scoreBatch(scoring, { rows, outputs: toFloats(answer, output), targets, width, mask });
  } finally {
    answer.dispose();
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

/** Typed: a batch of images may have a target for each pixel. */
function toNumbers(tensor: FeedTensor, first: number, last: number): ArrayLike<number> {
  const values = decodeRows(tensor, first, last);
  return values instanceof BigInt64Array ? Float64Array.from(values, Number) : values;
}

function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return (text.split("\n")[0] ?? text).slice(0, 300);
}
