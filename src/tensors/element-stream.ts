import type { DtypeFacts } from "./dtypes.ts";
import { Statistics } from "./statistics.ts";
import { widen } from "./widening.ts";

const BLOCK_ELEMENTS = 16_384;

/** Memory one meter works in, shared by its tensors because they come one after the other: 320 KiB. */
export class Workspace {
  readonly bytes = new Uint8Array(BLOCK_ELEMENTS * 8);
  readonly view = new DataView(this.bytes.buffer);
  readonly narrow = new Float32Array(BLOCK_ELEMENTS);
  readonly wide = new Float64Array(BLOCK_ELEMENTS);
}

const ELEMENT_IS_WIDE = new Set(["float64", "int32", "uint32", "int64", "uint64"]);

/** Little-endian elements of one type, in pieces of any size and alignment, into statistics. */
export class ElementStream {
  readonly statistics = new Statistics();
  readonly dtype: DtypeFacts;
  readonly #workspace: Workspace;
  readonly #capacity: number;
  readonly #wide: boolean;
  #filled = 0;
  /** Bytes received so far. */
  received = 0;

  constructor(dtype: DtypeFacts, workspace: Workspace) {
    this.dtype = dtype;
    this.#workspace = workspace;
    this.#capacity = BLOCK_ELEMENTS * dtype.bytes;
    this.#wide = ELEMENT_IS_WIDE.has(dtype.name);
  }

  /** Adds bytes `start` to `end` of a chunk. */
  write(chunk: Uint8Array, start: number, end: number): void {
    this.received += end - start;
    let from = start;
    while (from < end) {
      const size = this.dtype.bytes;
      // The common case, large aligned chunks of float32, is read in place; all else passes through the workspace.
      if (this.dtype.name === "float32" && this.#filled === 0 && (chunk.byteOffset + from) % 4 === 0) {
        const count = (end - from) >> 2;
        if (count > 0) {
          this.statistics.addFloat32(new Float32Array(chunk.buffer, chunk.byteOffset + from, count), count);
          from += count * size;
          continue;
        }
      }
      const length = Math.min(end - from, this.#capacity - this.#filled);
      const { bytes } = this.#workspace;
      if (length < 16) for (let i = 0; i < length; i++) bytes[this.#filled + i] = chunk[from + i] as number;
      else bytes.set(chunk.subarray(from, from + length), this.#filled);
      this.#filled += length;
      from += length;
      // In place reading resumes as soon as no element is cut in two.
      if (this.#filled === this.#capacity || (this.#filled >= 16 && this.#filled % size === 0)) this.#flush();
    }
  }

  /** Adds one integer or the bits of one element, given as the low and high 32 bits. */
  writeBits(low: number, high: number): void {
    const { view } = this.#workspace;
    const size = this.dtype.bytes;
    if (size === 1) view.setUint8(this.#filled, low);
    else if (size === 2) view.setUint16(this.#filled, low, true);
    else view.setUint32(this.#filled, low, true);
    if (size === 8) view.setUint32(this.#filled + 4, high, true);
    this.#filled += size;
    this.received += size;
    if (this.#filled === this.#capacity) this.#flush();
  }

  /** Counts what is still in the workspace. A last element cut short is left out: the caller checks `received`. */
  end(): void {
    this.#flush();
  }

  #flush(): void {
    const { bytes, narrow, wide } = this.#workspace;
    const count = Math.floor(this.#filled / this.dtype.bytes);
    this.#filled = 0;
    if (count === 0) return;
    if (this.#wide) {
      widen(this.dtype.name, bytes.buffer, 0, count, wide);
      this.statistics.addFloat64(wide, count);
    } else {
      widen(this.dtype.name, bytes.buffer, 0, count, narrow);
      this.statistics.addFloat32(narrow, count);
    }
  }
}
