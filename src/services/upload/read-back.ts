import { StoreUnavailable } from "../../artifacts/store.ts";
import type { Context } from "../../context.ts";

const READ_BYTES = 256 * 1024;
/** Times in a row that reading may break off without a byte in between. */
const MOST_BREAKS = 4;

/**
 * The bytes of a stored object from `from` up to `to` (exclusive), as they come in. Where the store breaks off, it is
 * asked for the rest.
 * @throws StoreUnavailable where it does so again and again; Error where there is no such object
 */
export async function* readBack(
  { artifacts }: Pick<Context, "artifacts">,
  key: string,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array> {
  let at = from;
  for (let breaks = 0; at < to; ) {
    const body = await artifacts.open(key, { from: at, to });
    if (!body) throw new Error(`the object ${key} is not in the store`);
    try {
      for await (const given of chunksOf(body)) {
        breaks = 0;
        const chunk = given.subarray(0, to - at);
        at += chunk.byteLength;
        yield chunk;
      }
      if (at < to) throw new Error(`the object ended at ${at} of ${to} bytes`);
    } catch (cause) {
      breaks += 1;
      if (breaks > MOST_BREAKS) throw new StoreUnavailable("The object store breaks off.", { cause });
    }
  }
}

/** Each chunk is the reader's again once the next is asked for: workerd's own are of 4 KiB, and many. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader({ mode: "byob" });
  try {
    for (let buffer = new ArrayBuffer(READ_BYTES); ; ) {
      const { value, done } = (await reader.read(new Uint8Array(buffer))) as ReadableStreamReadResult<
        Uint8Array<ArrayBuffer>
      >;
      if (value && value.byteLength > 0) yield value;
      if (done) return;
      buffer = value.buffer;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** The same as one piece: for what is known to be small. */
export async function readPiece(
  ctx: Pick<Context, "artifacts">,
  key: string,
  from: number,
  to: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const piece = new Uint8Array(to - from);
  let filled = 0;
  for await (const chunk of readBack(ctx, key, from, to)) {
    piece.set(chunk, filled);
    filled += chunk.byteLength;
  }
  return piece;
}
