import type { InferenceSession } from "onnxruntime-web/wasm";
import { ModelFailure } from "./model-failure.ts";
import { loadRuntime } from "./runtime.ts";

/** Beyond this the WASM heap (three to four times the file) does not fit an isolate's 128 MB. */
export const MAX_MODEL_BYTES = 16 * 1024 * 1024;
/** Files whose sessions are held side by side; a larger one's stands alone. A session takes three to four times as much. */
const HELD_BYTES = 4 * 1024 * 1024;
/**
 * Up to this the weights are packed anew at load, which makes products a quarter to a half faster and takes their size
 * once more: of a larger model the heap has no room for that.
 */
const PREPACKED_BYTES = 8 * 1024 * 1024;

/** @throws ModelFailure `model_too_large` */
export function checkModelBytes(bytes: number): void {
  if (bytes <= MAX_MODEL_BYTES) return;
  throw new ModelFailure(
    "model_too_large",
    `The model has ${bytes} bytes; the edge evaluates up to ${MAX_MODEL_BYTES}. Evaluate it elsewhere and report the results with PUT /models/:id/checkpoints/:step/evaluation.`,
  );
}

/** ORT ran out of memory or trapped: its heap is not to be used again before it is restored. */
export class SpoiledHeap extends Error {
  override readonly name = "SpoiledHeap";
}

/** A failure of ORT as ours: the model's, or the heap's. */
export function asFailure(cause: unknown, code: ModelFailure["code"], said: string): Error {
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

/** The sessions that an isolate holds, by the digest of their files; the one used longest ago goes first. */
export class Sessions {
  readonly #held = new Map<string, { session: InferenceSession; bytes: number }>();

  has(digest: string): boolean {
    return this.#held.has(digest);
  }

  get(digest: string): InferenceSession | null {
    const found = this.#held.get(digest);
    if (!found) return null;
    this.#held.delete(digest);
    this.#held.set(digest, found);
    return found.session;
  }

  /**
   * Makes a model's session and holds it. Where the heap is short, on one that nothing has used; where that is short
   * too, without packed weights. So it depends on the model alone which of the two it gets.
   * @throws ModelFailure `model_refused`, `model_too_large`
   */
  async open(digest: string, bytes: Uint8Array): Promise<InferenceSession> {
    checkModelBytes(bytes.byteLength);
    const packed = bytes.byteLength <= PREPACKED_BYTES;
    const ways = packed ? [true, true, false] : [false, false];
    for (const [n, prepacked] of ways.entries()) {
      try {
        if (n === 0) await this.#makeRoom(bytes.byteLength);
        const session = await create(bytes, prepacked);
        this.#held.set(digest, { session, bytes: bytes.byteLength });
        return session;
      } catch (error) {
        if (!(error instanceof SpoiledHeap)) throw error;
        await this.restoreHeap();
        if (n === ways.length - 1) {
          throw new ModelFailure("model_refused", `ONNX Runtime cannot load the model: ${error.message}`);
        }
      }
    }
    throw new Error("unreachable: the last way returns or throws");
  }

  /** After a SpoiledHeap: ends every session. */
  async restoreHeap(): Promise<void> {
    this.#held.clear();
    (await loadRuntime()).restore();
  }

  async #makeRoom(bytes: number): Promise<void> {
    let total = [...this.#held.values()].reduce((sum, held) => sum + held.bytes, bytes);
    for (const [digest, { session, bytes: freed }] of this.#held) {
      if (total <= HELD_BYTES) return;
      this.#held.delete(digest);
      total -= freed;
      await release(session);
    }
  }
}

async function create(bytes: Uint8Array, prepacked: boolean): Promise<InferenceSession> {
  const { ort } = await loadRuntime();
  try {
    return await ort.InferenceSession.create(bytes, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "basic",
      // The two trade speed for a smaller heap.
      enableCpuMemArena: false,
      enableMemPattern: false,
      extra: { session: { disable_prepacking: prepacked ? "0" : "1" } },
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

function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return (text.split("\n")[0] ?? text).slice(0, 300);
}
