import { CodeCounts } from "./code-counts.ts";
import type { DtypeFacts } from "./dtypes.ts";
import type { MatrixCollector } from "./matrix-collector.ts";
import { Statistics } from "./statistics.ts";
import { widen } from "./widening.ts";

const BLOCK_ELEMENTS = 16_384;
/** Elements of a two-byte type that are taken one by one: below, going through all codes at the end costs more. */
const SINGLE_ELEMENTS = 65_536;
/** More dimensions than any tensor has. */
const SHAPE_ELEMENTS = 64;

/** Memory one meter works in, shared by its tensors because they come one after the other: 320 to 832 KiB. */
export class Workspace {
  readonly bytes = new Uint8Array(BLOCK_ELEMENTS * 8);
  readonly view = new DataView(this.bytes.buffer);
  readonly narrow = new Float32Array(BLOCK_ELEMENTS);
  readonly wide = new Float64Array(BLOCK_ELEMENTS);
  /** Where spectra are wanted: the elements of the tensor at hand, as long as they are few enough. */
  readonly matrix: MatrixCollector | undefined;
  #bytes: CodeCounts | undefined;
  #pairs: CodeCounts | undefined;

  constructor(matrix?: MatrixCollector) {
    this.matrix = matrix;
  }

  /** For a type of one or two bytes. Made on first use: most files are float32. */
  counts(bytes: number): CodeCounts {
    if (bytes === 1) {
      this.#bytes ??= new CodeCounts(1);
      return this.#bytes;
    }
    this.#pairs ??= new CodeCounts(2);
    return this.#pairs;
  }
}

const ELEMENT_IS_WIDE = new Set(["float64", "int32", "uint32", "int64", "uint64"]);

/** Little-endian elements of one type, in pieces of any size and alignment, into statistics. */
export class ElementStream {
  readonly statistics = new Statistics();
  readonly dtype: DtypeFacts;
  readonly #workspace: Workspace;
  readonly #matrix: MatrixCollector | undefined;
  readonly #capacity: number;
  readonly #wide: boolean;
  /** Elements still to be taken one by one, before codes are counted. */
  #single: number;
  #filled = 0;
  #product = 1;
  /** Bytes received so far. */
  received = 0;

  constructor(dtype: DtypeFacts, workspace: Workspace) {
    this.dtype = dtype;
    this.#workspace = workspace;
    this.#matrix = dtype.floating ? workspace.matrix : undefined;
    this.#matrix?.begin();
    this.#capacity = BLOCK_ELEMENTS * dtype.bytes;
    this.#wide = ELEMENT_IS_WIDE.has(dtype.name);
    this.#single = dtype.bytes === 1 ? 0 : dtype.bytes === 2 ? SINGLE_ELEMENTS : Infinity;
  }

  /** What the elements of an int64 tensor multiply to, should they be a shape; undefined for all other tensors. */
  get product(): number | undefined {
    return this.dtype.name === "int64" && this.statistics.count <= SHAPE_ELEMENTS ? this.#product : undefined;
  }

  /** Adds bytes `start` to `end` of a chunk. */
  write(chunk: Uint8Array, start: number, end: number): void {
    this.received += end - start;
    const size = this.dtype.bytes;
    let from = start;
    while (from < end) {
      // Aligned elements are read in place; all else passes through the workspace.
      if (this.#filled === 0 && (chunk.byteOffset + from) % size === 0) {
        const count = Math.floor((end - from) / size);
        if (count > 0) {
          this.#take(chunk.buffer, chunk.byteOffset + from, count);
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
    if (this.#single === 0 && this.received > 0) this.#drain();
  }

  #flush(): void {
    const count = Math.floor(this.#filled / this.dtype.bytes);
    this.#filled = 0;
    if (count > 0) this.#take(this.#workspace.bytes.buffer, 0, count);
  }

  /** Takes whole elements at an aligned offset. */
  #take(buffer: ArrayBufferLike, offset: number, count: number): void {
    this.#matrix?.add(this.dtype.name, buffer, offset, count);
    const single = Math.min(count, this.#single);
    if (single > 0) {
      this.#takeSingly(buffer, offset, single);
      this.#single -= single;
    }
    if (single < count) this.#countCodes(buffer, offset + single * this.dtype.bytes, count - single);
  }

  #takeSingly(buffer: ArrayBufferLike, offset: number, count: number): void {
    const { name, bytes } = this.dtype;
    if (name === "float32") {
      this.statistics.addFloat32(new Float32Array(buffer, offset, count), count);
      return;
    }
    const { narrow, wide } = this.#workspace;
    for (let done = 0; done < count; done += BLOCK_ELEMENTS) {
      const length = Math.min(BLOCK_ELEMENTS, count - done);
      widen(name, buffer, offset + done * bytes, length, this.#wide ? wide : narrow);
      if (name === "int64") this.#multiply(wide, length);
      if (this.#wide) this.statistics.addFloat64(wide, length);
      else this.statistics.addFloat32(narrow, length);
    }
  }

  #multiply(values: Float64Array, count: number): void {
    if (this.statistics.count + count > SHAPE_ELEMENTS) return;
    for (let i = 0; i < count; i++) this.#product *= values[i] as number;
  }

  #countCodes(buffer: ArrayBufferLike, offset: number, count: number): void {
    const size = this.dtype.bytes;
    const counts = this.#workspace.counts(size);
    for (let done = 0; done < count; ) {
      const length = Math.min(count - done, counts.room);
      const at = offset + done * size;
      counts.add(size === 1 ? new Uint8Array(buffer, at, length) : new Uint16Array(buffer, at, length));
      if (counts.room === 0) this.#drain();
      done += length;
    }
  }

  #drain(): void {
    this.#workspace.counts(this.dtype.bytes).drain(this.dtype, this.statistics, this.#workspace.narrow);
  }
}
