import type { DtypeFacts } from "./dtypes.ts";
import type { Statistics } from "./statistics.ts";
import { widen } from "./widening.ts";

/** Decoded at a time: what a workspace has room for. */
const STEP = 16_384;
/** Counts are 32 bits wide; each half of them is drained long before it is full. */
const MOST = 2 ** 31;

/**
 * How often each code of a type of one or two bytes occurs. Counting is faster than decoding, squaring and summing,
 * and sums over codes are at least as exact. Two tables in turn: one would wait for itself where neighbours are equal.
 */
export class CodeCounts {
  readonly #even: Uint32Array;
  readonly #odd: Uint32Array;
  #counted = 0;

  constructor(bytes: 1 | 2) {
    this.#even = new Uint32Array(2 ** (8 * bytes));
    this.#odd = new Uint32Array(2 ** (8 * bytes));
  }

  /** Elements that may be added before the next `drain`. */
  get room(): number {
    return MOST - this.#counted;
  }

  /** Counts elements, at most `room`. */
  add(codes: Uint8Array | Uint16Array): void {
    const even = this.#even;
    const odd = this.#odd;
    const pairs = codes.length & ~1;
    for (let i = 0; i < pairs; i += 2) {
      (even[codes[i] as number] as number)++;
      (odd[codes[i + 1] as number] as number)++;
    }
    if (pairs < codes.length) (even[codes[pairs] as number] as number)++;
    this.#counted += codes.length;
  }

  /** Adds what was counted to statistics, by rising code, and begins anew. `into` has room for 16,384 values. */
  drain(dtype: DtypeFacts, statistics: Statistics, into: Float32Array): void {
    if (this.#counted === 0) return;
    const all = this.#even.length;
    const codes = dtype.bytes === 1 ? new Uint8Array(all) : new Uint16Array(Math.min(STEP, all));
    for (let start = 0; start < all; start += STEP) {
      const count = Math.min(STEP, all - start);
      for (let i = 0; i < count; i++) codes[i] = start + i;
      widen(dtype.name, codes.buffer, 0, count, into);
      for (let i = 0; i < count; i++) {
        const times = (this.#even[start + i] as number) + (this.#odd[start + i] as number);
        if (times > 0) statistics.addRepeated(into[i] as number, times);
      }
    }
    this.#even.fill(0);
    this.#odd.fill(0);
    this.#counted = 0;
  }
}
