import type { Dtype } from "./dtypes.ts";
import { widen } from "./widening.ts";

/** Keeps the elements of one tensor at a time, as float64, as long as there are at most `limit` of them. */
export class MatrixCollector {
  readonly #limit: number;
  #values = new Float64Array(1024);
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Forgets the tensor before. */
  begin(): void {
    this.#count = 0;
  }

  /** Takes whole elements at an aligned offset. */
  add(dtype: Dtype, buffer: ArrayBufferLike, offset: number, count: number): void {
    const start = this.#count;
    this.#count += count;
    if (this.#count > this.#limit) return;
    if (this.#count > this.#values.length) {
      const larger = new Float64Array(Math.min(this.#limit, Math.max(this.#count, this.#values.length * 2)));
      larger.set(this.#values.subarray(0, start));
      this.#values = larger;
    }
    widen(dtype, buffer, offset, count, this.#values.subarray(start));
  }

  /** The elements, or undefined if they were too many. Overwritten by the next tensor. */
  get values(): Float64Array | undefined {
    return this.#count > this.#limit ? undefined : this.#values.subarray(0, this.#count);
  }
}
