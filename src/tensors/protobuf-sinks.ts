import { TensorFormatError } from "./errors.ts";
import { decodeText } from "./ledger.ts";
import { type ByteSink, malformed, Varint } from "./protobuf-stream.ts";

/** Collects a short field; a longer one is refused before its first byte. */
export class BytesSink implements ByteSink {
  readonly kind = "bytes";
  readonly #bytes: Uint8Array;
  readonly #done: (bytes: Uint8Array) => void;
  #filled = 0;

  constructor(length: number, done: (bytes: Uint8Array) => void) {
    this.#bytes = new Uint8Array(length);
    this.#done = done;
  }

  write(chunk: Uint8Array, start: number, end: number): void {
    this.#bytes.set(chunk.subarray(start, end), this.#filled);
    this.#filled += end - start;
  }

  end(): void {
    this.#done(this.#bytes);
  }
}

/** Collects a string of at most `limit` bytes. `what` names it in messages. */
export function textSink(length: number, limit: number, what: string, done: (text: string) => void): ByteSink {
  if (length > limit) {
    throw new TensorFormatError(
      "name_too_long",
      `${what} is ${length} bytes long, the limit is ${limit}. Shorten it before exporting.`,
    );
  }
  return new BytesSink(length, (bytes) => done(decodeText(bytes, what)));
}

/** Packed varints, as they come. */
export class VarintsSink implements ByteSink {
  readonly kind = "bytes";
  readonly #varint = new Varint();
  readonly #each: (low: number, high: number) => void;

  constructor(each: (low: number, high: number) => void) {
    this.#each = each;
  }

  write(chunk: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      if (this.#varint.push(chunk[i] as number)) this.#each(this.#varint.low, this.#varint.high);
    }
  }

  end(): void {
    if (this.#varint.pending) throw malformed("a list of numbers ends inside of a number");
  }
}

/** An int64 as a number; those beyond 2^53 round, which keeps them beyond every limit here. */
export const signed64 = (low: number, high: number): number => (high | 0) * 2 ** 32 + low;
