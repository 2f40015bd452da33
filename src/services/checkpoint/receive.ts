import type { StoredPart } from "../../artifacts/store.ts";
import type { Context } from "../../context.ts";
import { DomainError } from "../../errors.ts";
import { TensorFormatError } from "../../tensors/errors.ts";
import { createMeter, type Measurement, type Meter, type MeterLimits, sniffFormat } from "../../tensors/meter.ts";
import { formatDigest } from "../digest.ts";
import { beginParts, type Upload } from "../upload/internal.ts";

/** Up to this a body is held in memory and stored at once. A larger one is stored in parts while it comes in. */
const BUFFERED_BYTES = 8 * 1024 * 1024;
/** S3's smallest part: each is held in memory until the store has it. */
const PART_BYTES = 5 * 1024 * 1024;
/** Parts on their way to the store while the next is filled. */
const PARTS_AT_ONCE = 2;
/** workerd's default reader hands out 4 KiB at a time; a buffer of our own makes fewer and larger reads. */
const READ_BYTES = 256 * 1024;
const SNIFF_BYTES = 16;

/** A file on its way in. */
export interface SentFile {
  body: ReadableStream<Uint8Array>;
  /** As declared, in bytes. */
  length: number;
}

export interface ReceivedArtifact {
  /** `sha256:` and hex. */
  digest: string;
  measurement: Measurement;
}

/**
 * Receives a checkpoint in one pass: hashed, measured and stored under the upload's key. When it throws, an object or
 * parts of one may or may not be there: the caller discards the upload.
 * @throws DomainError `body_truncated`, `unsupported_format`, `invalid_checkpoint`; StoreUnavailable
 */
export async function receiveArtifact(
  ctx: Context,
  upload: Upload,
  { body, length }: SentFile,
  limits: Partial<MeterLimits>,
): Promise<ReceivedArtifact> {
  const open = (head: Uint8Array) => openMeter(head, limits);
  try {
    return length <= BUFFERED_BYTES
      ? await receiveBuffered(ctx, upload, body, length, open)
      : await receiveStreamed(ctx, upload, body, length, open);
  } catch (error) {
    if (error instanceof TensorFormatError) {
      throw new DomainError("invalid_checkpoint", error.message, { reason: error.code });
    }
    throw error;
  }
}

/** Makes the meter that a file's first bytes ask for. */
type OpenMeter = (head: Uint8Array) => Meter;

async function receiveBuffered(
  ctx: Context,
  upload: Upload,
  body: ReadableStream<Uint8Array>,
  length: number,
  open: OpenMeter,
): Promise<ReceivedArtifact> {
  const bytes = await new BodyReader(body, length).fillAtOnce(new ArrayBuffer(length));
  const meter = open(bytes);
  meter.write(bytes);
  const measurement = meter.end();
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  await ctx.artifacts.put(upload.objectKey, bytes, digest);
  return { digest: formatDigest(digest), measurement };
}

async function receiveStreamed(
  ctx: Context,
  upload: Upload,
  body: ReadableStream<Uint8Array>,
  length: number,
  open: OpenMeter,
): Promise<ReceivedArtifact> {
  const hash = new crypto.DigestStream("SHA-256");
  const toHash = hash.getWriter();
  const abandon = new AbortController();
  const multipartId = await beginParts(ctx, upload);
  const parts: Promise<StoredPart>[] = [];
  try {
    const reader = new BodyReader(body, length);
    const free: ArrayBuffer[] = [];
    let meter: Meter | null = null;
    while (reader.received < length) {
      const buffer = free.pop() ?? new ArrayBuffer(PART_BYTES);
      const part = await reader.fill(buffer, async (chunk) => {
        meter ??= open(chunk);
        meter.write(chunk);
        await toHash.write(chunk);
      });
      const number = parts.length + 1;
      const stored = ctx.artifacts.putPart(upload.objectKey, multipartId, number, part, abandon.signal);
      parts.push(
        stored.finally(() => {
          free.push(part.buffer);
        }),
      );
      // Awaited in their turn; an early rejection must not count as unhandled while the body is still being read.
      parts.at(-1)?.catch(() => {});
      await parts.at(-1 - PARTS_AT_ONCE);
    }
    const measurement = endOf(meter, length);
    await toHash.close();
    await ctx.artifacts.joinParts(upload.objectKey, multipartId, await Promise.all(parts), length);
    return { digest: formatDigest(await hash.digest), measurement };
  } catch (error) {
    abandon.abort();
    await toHash.abort(error).catch(() => {});
    // What is still on its way to the store would come back after the parts are abandoned.
    await Promise.allSettled(parts);
    throw error;
  }
}

function endOf(meter: Meter | null, length: number): Measurement {
  if (!meter) throw truncated(0, length);
  return meter.end();
}

/** Reads a body of a known length into buffers that the caller gives, and no byte beyond it. */
class BodyReader {
  readonly #reader: ReadableStreamBYOBReader;
  readonly #length: number;
  received = 0;

  constructor(body: ReadableStream<Uint8Array>, length: number) {
    this.#reader = body.getReader({ mode: "byob" });
    this.#length = length;
  }

  /**
   * Fills the buffer, or what the body still has of it, showing each chunk to `look` on its way. The buffer given is
   * used up; the bytes returned lie in its memory.
   * @throws DomainError `body_truncated`, and what `look` throws
   */
  async fill(
    given: ArrayBuffer,
    look: (chunk: Uint8Array<ArrayBuffer>) => Promise<void>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const wanted = Math.min(given.byteLength, this.#length - this.received);
    let buffer = given;
    for (let filled = 0; filled < wanted; ) {
      const view = new Uint8Array(buffer, filled, Math.min(READ_BYTES, wanted - filled));
      // A first chunk shorter than this would not show the file's format.
      const { value, done } = await this.#read(view, Math.min(SNIFF_BYTES, view.byteLength));
      // A read takes the buffer and gives its memory back under another name.
      if (value) buffer = value.buffer;
      if (value && value.byteLength > 0) {
        filled += value.byteLength;
        this.received += value.byteLength;
        await look(value);
      }
      if (done) throw truncated(this.received, this.#length);
    }
    return new Uint8Array(buffer, 0, wanted);
  }

  /** The whole body in one read, where nobody looks at it on its way. @throws DomainError `body_truncated` */
  async fillAtOnce(given: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>> {
    const { value } = await this.#read(new Uint8Array(given), this.#length);
    this.received = value?.byteLength ?? 0;
    if (!value || this.received < this.#length) throw truncated(this.received, this.#length);
    return value;
  }

  async #read(view: Uint8Array<ArrayBuffer>, least: number) {
    try {
      return (await this.#reader.readAtLeast(least, view)) as ReadableStreamReadResult<Uint8Array<ArrayBuffer>>;
    } catch {
      // The connection broke: the client is most likely gone, and its log will show the reason better than ours.
      throw truncated(this.received, this.#length);
    }
  }
}

function openMeter(head: Uint8Array, limits: Partial<MeterLimits>): Meter {
  const format = sniffFormat(head.subarray(0, SNIFF_BYTES));
  // A file that is neither is given to the ONNX reader, whose refusal says what the file looks like.
  return createMeter(format ?? "onnx", limits);
}

function truncated(received: number, length: number): DomainError {
  return new DomainError(
    "body_truncated",
    `The body ended after ${received} of ${length} bytes: nothing was stored, send it again.`,
  );
}
