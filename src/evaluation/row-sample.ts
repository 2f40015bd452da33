import type { RowTensor } from "./rows.ts";

/** Evenly spread rows of a split that comes in blocks: at most so many, and no more bytes than allowed. */
export class RowSample {
  readonly #kept: { like: RowTensor; width: number; bytes: Uint8Array }[];
  readonly #rows: number;
  readonly #count: number;

  /** `rows`: of `first`, a block that says what the tensors are like; `all`: of the split. */
  constructor(first: readonly RowTensor[], rows: number, all: number, mostRows: number, mostBytes: number) {
    const widths = first.map(({ bytes }) => bytes.length / rows);
    const width = widths.reduce((sum, own) => sum + own, 0);
    this.#rows = all;
    this.#count = Math.min(all, mostRows, Math.max(1, Math.floor(mostBytes / width)));
    this.#kept = first.map((like, n) => {
      const own = widths[n] ?? 0;
      return { like, width: own, bytes: new Uint8Array(own * this.#count) };
    });
  }

  /** The next block: `rows` rows of the split from `at` on. */
  add(tensors: readonly RowTensor[], rows: number, at: number): void {
    const first = Math.ceil((at * this.#count) / this.#rows);
    for (let n = first; n < this.#count && this.#rowOf(n) < at + rows; n += 1) {
      const row = this.#rowOf(n) - at;
      this.#kept.forEach(({ width, bytes }, input) => {
        const from = row * width;
        bytes.set(tensors[input]?.bytes.subarray(from, from + width) ?? [], n * width);
      });
    }
  }

  tensors(): RowTensor[] {
    return this.#kept.map(({ like, bytes }) => ({ ...like, shape: [this.#count, ...like.shape.slice(1)], bytes }));
  }

  #rowOf(n: number): number {
    return Math.floor((n * this.#rows) / this.#count);
  }
}
