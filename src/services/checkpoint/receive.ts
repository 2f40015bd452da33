import { StoreUnavailable } from "../../artifacts/store.ts";
import type { Context } from "../../context.ts";
import { DomainError } from "../../errors.ts";
import { TensorFormatError } from "../../tensors/errors.ts";
import { createMeter, type Measurement, type Meter, sniffFormat } from "../../tensors/meter.ts";
import { formatDigest } from "../digest.ts";

/** Up to this a body is held in memory, so that the store can be tried again. Larger ones pass through once. */
const BUFFERED_BYTES = 8 * 1024 * 1024;
/** workerd's default reader hands out 4 KiB at a time; a buffer of our own makes fewer and larger reads. */
const READ_BYTES = 256 * 1024;
const SNIFF_BYTES = 16;

export interface ReceivedArtifact {
  /** `sha256:` and hex. */
  digest: string;
  measurement: Measurement;
}

/**
 * Receives a checkpoint in one pass: hashed, measured and stored under `key`. When it throws, an object may or may
 * not be there: the caller discards the key.
 * @throws DomainError `body_truncated`, `unsupported_format`, `invalid_checkpoint`; StoreUnavailable
 */
export async function receiveArtifact(
  ctx: Context,
  key: string,
  body: ReadableStream<Uint8Array>,
  length: number,
): Promise<ReceivedArtifact> {
  try {
    return length <= BUFFERED_BYTES
      ? await receiveBuffered(ctx, key, body, length)
      : await receiveStreamed(ctx, key, body, length);
  } catch (error) {
    if (error instanceof TensorFormatError) {
      throw new DomainError("invalid_checkpoint", error.message, { reason: error.code });
    }
    throw error;
  }
}

async function receiveBuffered(
  ctx: Context,
  key: string,
  body: ReadableStream<Uint8Array>,
  length: number,
): Promise<ReceivedArtifact> {
  const bytes = new Uint8Array(length);
  let received = 0;
  for await (const chunk of readChunks(body, length)) {
    bytes.set(chunk, received);
    received += chunk.byteLength;
  }
  const meter = openMeter(bytes);
  meter.write(bytes);
  const measurement = meter.end();
  const digest = formatDigest(await crypto.subtle.digest("SHA-256", bytes));
  await ctx.artifacts.put(key, bytes);
  return { digest, measurement };
}

async function receiveStreamed(
  ctx: Context,
  key: string,
  body: ReadableStream<Uint8Array>,
  length: number,
): Promise<ReceivedArtifact> {
  const hash = new crypto.DigestStream("SHA-256");
  const toHash = hash.getWriter();
  const pipe = new FixedLengthStream(length);
  const toStore = pipe.writable.getWriter();
  const abort = new AbortController();
  const stored = ctx.artifacts.putStream(key, pipe.readable, length, abort.signal);
  // Awaited below; an early rejection must not count as unhandled while the body is still being read.
  stored.catch(() => {});
  try {
    let meter: Meter | null = null;
    for await (const chunk of readChunks(body, length)) {
      meter ??= openMeter(chunk);
      meter.write(chunk);
      // Where the pipe breaks the store has let go of it: its own answer says why.
      const passed = toStore.write(chunk).catch(() => stored);
      await Promise.all([toHash.write(chunk), Promise.race([passed, failing(stored)])]);
    }
    if (!meter) throw truncated(0, length);
    const measurement = meter.end();
    await Promise.all([toHash.close(), toStore.close().catch(() => stored)]);
    await stored;
    return { digest: formatDigest(await hash.digest), measurement };
  } catch (error) {
    // The store must see a broken body, not a short one that ends well.
    abort.abort();
    await toStore.abort(error).catch(() => {});
    await toHash.abort(error).catch(() => {});
    throw error;
  }
}

/** Settles only when the store gives up: then nobody reads the pipe, and a write to it would wait for ever. */
function failing(stored: Promise<void>): Promise<never> {
  return new Promise((_, reject) => {
    stored.catch(reject);
  });
}

/** The body's chunks, each a fresh buffer. @throws DomainError `body_truncated` when it ends before `length` */
async function* readChunks(body: ReadableStream<Uint8Array>, length: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader({ mode: "byob" });
  let received = 0;
  try {
    while (received < length) {
      const { value, done } = await read(reader, Math.min(READ_BYTES, length - received));
      if (value && value.byteLength > 0) {
        received += value.byteLength;
        yield value;
      }
      if (done) break;
    }
  } catch (error) {
    // The connection broke: the client is most likely gone, and its log will show the reason better than ours.
    if (error instanceof DomainError || error instanceof TensorFormatError || error instanceof StoreUnavailable) {
      throw error;
    }
    throw truncated(received, length);
  }
  if (received < length) throw truncated(received, length);
}

async function read(reader: ReadableStreamBYOBReader, most: number) {
  return (await reader.read(new Uint8Array(most))) as ReadableStreamReadResult<Uint8Array<ArrayBuffer>>;
}

function openMeter(head: Uint8Array): Meter {
  const format = sniffFormat(head.subarray(0, SNIFF_BYTES));
  // A file that is neither is given to the ONNX reader, whose refusal says what the file looks like.
  return createMeter(format ?? "onnx");
}

function truncated(received: number, length: number): DomainError {
  return new DomainError(
    "body_truncated",
    `The body ended after ${received} of ${length} bytes: nothing was stored, send it again.`,
  );
}
