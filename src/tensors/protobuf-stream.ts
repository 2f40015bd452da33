import { TensorFormatError } from "./errors.ts";

/** Takes the bytes of one length-delimited field, in pieces. */
export interface ByteSink {
  readonly kind: "bytes";
  /** Bytes `start` to `end` of a chunk that is not the sink's to keep. */
  write(chunk: Uint8Array, start: number, end: number): void;
  end(): void;
}

/**
 * Takes the fields of one message as they come. Fields of a number or wire type it does not know it ignores, as every
 * protobuf reader must. 64-bit values come as two unsigned halves.
 */
export abstract class Message {
  readonly kind = "message";

  varint(_field: number, _low: number, _high: number): void {}

  /** A fixed32 or fixed64; `high` is 0 for the former, `bytes` tells them apart. */
  fixed(_field: number, _low: number, _high: number, _bytes: 4 | 8): void {}

  /** Who reads a field of so many bytes; null skips it. */
  delimited(_field: number, _length: number): Message | ByteSink | null {
    return null;
  }

  end(): void {}
}

/** One base-128 varint, byte by byte. */
export class Varint {
  low = 0;
  high = 0;
  #index = 0;

  /** Bytes taken of a varint that is not complete yet. */
  get pending(): boolean {
    return this.#index > 0;
  }

  /** Takes a byte; true once `low` and `high` hold a value. */
  push(byte: number): boolean {
    const index = this.#index;
    const bits = byte & 0x7f;
    if (index === 0) {
      this.low = bits;
      this.high = 0;
    } else if (index < 4) this.low = (this.low | (bits << (7 * index))) >>> 0;
    else if (index === 4) {
      this.low = (this.low | (bits << 28)) >>> 0;
      this.high = bits >>> 4;
    } else if (index < 9) this.high = (this.high | (bits << (7 * index - 32))) >>> 0;
    else if (byte <= 1) this.high = (this.high | (byte << 31)) >>> 0;
    else throw malformed("a number runs over 64 bits");
    this.#index = index + 1;
    if (byte >= 0x80) return false;
    this.#index = 0;
    return true;
  }
}

export function malformed(why: string): TensorFormatError {
  return new TensorFormatError(
    "malformed_protobuf",
    `The ONNX file is damaged: ${why}. Export it again, and check that it was sent whole and unchanged.`,
  );
}

// What the next byte is. Plain constants: enums are not erasable.
const TAG = 0;
const VARINT = 1;
const FIXED = 2;
const LENGTH = 3;
const PAYLOAD = 4;

interface Frame {
  readonly message: Message;
  /** Position in the file at which the message ends. */
  readonly end: number;
}

/**
 * Incremental reader of the protobuf wire format (protobuf.dev/programming-guides/encoding). Memory is the stack of
 * open messages, whose depth is that of the schema: messages decide what nests in them, and graphs, the only ones that nest
 * in themselves, only to a limit.
 */
export class ProtobufStream {
  readonly #frames: Frame[];
  #top: Frame;
  #position = 0;
  #state = TAG;
  #field = 0;
  readonly #varint = new Varint();
  #tagBytes = 0;
  // Of a fixed-width field: the bytes so far.
  #fixedSize: 4 | 8 = 4;
  #fixedSeen = 0;
  #low = 0;
  #high = 0;
  // Of a delimited field: who reads it, and the bytes to come.
  #sink: ByteSink | null = null;
  #remaining = 0;

  constructor(root: Message) {
    this.#top = { message: root, end: Infinity };
    this.#frames = [this.#top];
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  write(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === PAYLOAD) {
        const length = Math.min(chunk.length - at, this.#remaining);
        this.#sink?.write(chunk, at, at + length);
        at += length;
        this.#position += length;
        this.#remaining -= length;
        if (this.#remaining === 0) this.#endPayload();
        continue;
      }
      if (this.#position >= this.#top.end) throw malformed(`a field runs over its message at byte ${this.#position}`);
      this.#position++;
      this.#step(chunk[at++] as number);
    }
  }

  /** Throws `truncated` unless the last byte was the last of the root message. */
  end(): void {
    if (this.#state !== TAG || this.#varint.pending || this.#frames.length > 1) {
      throw new TensorFormatError(
        "truncated",
        `The ONNX file is cut short: it ends inside of a field after ${this.#position} bytes. Send it whole.`,
      );
    }
    this.#top.message.end();
  }

  #step(byte: number): void {
    if (this.#state === FIXED) {
      const shift = 8 * (this.#fixedSeen & 3);
      if (this.#fixedSeen < 4) this.#low = (this.#low | (byte << shift)) >>> 0;
      else this.#high = (this.#high | (byte << shift)) >>> 0;
      if (++this.#fixedSeen < this.#fixedSize) return;
      this.#top.message.fixed(this.#field, this.#low, this.#high, this.#fixedSize);
      this.#endField();
      return;
    }
    // A tag is a 32-bit number; readers differ on longer ones, so there must be none.
    if (this.#state === TAG && ++this.#tagBytes > 5) throw malformed(`a tag is too long at byte ${this.#position}`);
    if (!this.#varint.push(byte)) return;
    const { low, high } = this.#varint;
    if (this.#state === TAG) this.#beginField(low, high);
    else if (this.#state === VARINT) {
      this.#top.message.varint(this.#field, low, high);
      this.#endField();
    } else this.#beginPayload(high * 2 ** 32 + low);
  }

  #beginField(low: number, high: number): void {
    this.#tagBytes = 0;
    this.#field = low >>> 3;
    const wire = low & 7;
    if (this.#field === 0 || high !== 0) throw malformed(`there is no field at byte ${this.#position}`);
    if (wire === 0) this.#state = VARINT;
    else if (wire === 2) this.#state = LENGTH;
    else if (wire === 1 || wire === 5) {
      this.#state = FIXED;
      this.#fixedSize = wire === 1 ? 8 : 4;
      this.#fixedSeen = 0;
      this.#low = 0;
      this.#high = 0;
    } else throw malformed(`wire type ${wire} at byte ${this.#position} is none that ONNX uses`);
  }

  #beginPayload(length: number): void {
    if (this.#position + length > this.#top.end) {
      throw malformed(`a field of ${length} bytes at byte ${this.#position} runs over its message`);
    }
    const reader = this.#top.message.delimited(this.#field, length);
    if (reader?.kind === "message") {
      this.#top = { message: reader, end: this.#position + length };
      this.#frames.push(this.#top);
      this.#endField();
      return;
    }
    this.#state = PAYLOAD;
    this.#sink = reader;
    this.#remaining = length;
    if (length === 0) this.#endPayload();
  }

  #endPayload(): void {
    const sink = this.#sink;
    this.#sink = null;
    sink?.end();
    this.#endField();
  }

  /** Back to tags, through the ends of all messages that end here. */
  #endField(): void {
    this.#state = TAG;
    while (this.#position === this.#top.end) {
      const { message } = this.#top;
      this.#frames.pop();
      this.#top = this.#frames.at(-1) ?? this.#top;
      message.end();
    }
  }
}
