import { type Question, scorePass } from "./batch.ts";
import { joinTallies, type Tally } from "./metrics.ts";
import { ModelFailure } from "./model-failure.ts";
import { Sessions, SpoiledHeap } from "./sessions.ts";
import { cutSlice, rowsOf, rowsOfBatch, type Slice } from "./slice.ts";

export type { Question } from "./batch.ts";
export { ModelFailure } from "./model-failure.ts";
export { checkModelBytes, MAX_MODEL_BYTES } from "./sessions.ts";
export { cutSlice, type FeedTensor, rowsOf, type Slice } from "./slice.ts";

/** A model to score: `load` fetches its bytes when no session of that digest is at hand. */
export interface EngineModel {
  digest: string;
  load: () => Promise<Uint8Array>;
  /** Whether `prepare` loads even where there is a session: whoever loads has a use of its own for the bytes. */
  loadAlways?: boolean;
}

/** Sessions over one isolate's ONNX Runtime. */
export interface Engine {
  /** Makes the model's session, unless it is held: ahead of the first slice, which may still be on its way. */
  prepare(model: EngineModel): Promise<void>;
  /**
   * Scores one slice. What it says of a row does not depend on the rows around it.
   * @throws ModelFailure where the model itself is at fault
   */
  score(model: EngineModel, question: Question, slice: Slice): Promise<Tally>;
}

export interface EngineOptions {
  /** The most rows of a forward pass, for tests; otherwise the inputs' shapes decide. */
  mostRows?: number;
}

/** Models whose batches were too large for the heap; of those longer ago it is found out again. */
const REMEMBERED = 64;

export function createEngine({ mostRows = Number.POSITIVE_INFINITY }: EngineOptions = {}): Engine {
  const sessions = new Sessions();
  /** Rows that a model's forward passes may have, where those that the shapes allow did not fit. */
  const fitting = new Map<string, number>();
  // The heap is shared by all sessions, and restoring it ends them all: one thing at a time. Nothing in a turn waits
  // for I/O, so a turn never outlasts the message that took it.
  let turns: Promise<unknown> = Promise.resolve();
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = turns.then(work);
    turns = done.catch(() => {});
    return done;
  }

  /** The most rows of a pass; never more again once they did not fit. */
  const limitOf = (digest: string, slice: Slice) =>
    Math.min(mostRows, rowsOfBatch(slice), fitting.get(digest) ?? Number.POSITIVE_INFINITY);

  function remember(digest: string, rows: number): void {
    fitting.delete(digest);
    fitting.set(digest, rows);
    const [oldest] = fitting.keys();
    if (fitting.size > REMEMBERED && oldest !== undefined) fitting.delete(oldest);
  }

  /**
   * A batch from `first` on, smaller and on a fresh heap until it fits. A single row that fails is the model's fault.
   * Null where there is no session and no bytes to make one of.
   */
  async function scoreNext(
    digest: string,
    bytes: Uint8Array | null,
    question: Question,
    slice: Slice,
    first: number,
  ): Promise<{ tally: Tally; last: number } | null> {
    for (;;) {
      const session = sessions.get(digest) ?? (bytes && (await sessions.open(digest, bytes)));
      if (!session) return null;
      const most = limitOf(digest, slice);
      const last = Math.min(rowsOf(slice), first + most);
      try {
        const batch = cutSlice(slice, first, last);
        return { tally: await scorePass(session, question, batch, { twice: most > 1 }), last };
      } catch (error) {
        if (!(error instanceof SpoiledHeap)) throw error;
        await sessions.restoreHeap();
        if (most === 1) throw new ModelFailure("model_failed", `The model fails on a single row: ${error.message}`);
        // A lone row was fed twice.
        remember(digest, Math.max(1, (last - first) >> 1));
      }
    }
  }

  return {
    async prepare({ digest, load, loadAlways = false }) {
      if (sessions.has(digest) && !loadAlways) return;
      const bytes = await load();
      await inTurn(async () => sessions.get(digest) ?? (await sessions.open(digest, bytes)));
    },

    async score({ digest, load }, question, slice) {
      const tallies: Tally[] = [];
      let bytes: Uint8Array | null = null;
      for (let first = 0; first < rowsOf(slice); ) {
        if (!sessions.has(digest)) bytes ??= await load();
        const scored = await inTurn(() => scoreNext(digest, bytes, question, slice, first));
        // Others had turns in between, and the session is gone: once more, with the bytes.
        if (!scored) continue;
        tallies.push(scored.tally);
        first = scored.last;
      }
      return joinTallies(tallies);
    },
  };
}
