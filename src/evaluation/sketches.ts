// Sketches of sets by one permutation hashing (Li, Owen & Zhang 2012): the least hash in each bin; one pass, one hash a
// feature. Sets that share most of their features share most of their bins, and so some run of bins, by which an index
// finds them.

import { mix } from "./rows.ts";

export const BINS = 32;
const BAND = 4;
const BANDS = BINS / BAND;
const EMPTY = 0xffffffff;
/** Rows in one bucket of the index. */
const MOST_IN_BUCKET = 16;
/** Sketches that agree in less than this share of their bins are not looked into: of rows that are near one in a thousand. */
const LEAST_SHARED = 0.4;

/** Writes the sketch of a row's features. */
export function sketchInto(bins: Uint32Array, features: Uint32Array): void {
  bins.fill(EMPTY);
  for (const feature of features) {
    const bin = feature % BINS;
    const rest = Math.floor(feature / BINS);
    if (rest < (bins[bin] ?? 0)) bins[bin] = rest;
  }
}

/** A key for each run of bins that is not all empty. */
export function bandsOf(bins: Uint32Array): number[] {
  const keys: number[] = [];
  for (let first = 0; first < BINS; first += BAND) {
    let key = mix(first + 1);
    let empty = true;
    for (let bin = first; bin < first + BAND; bin += 1) {
      const least = bins[bin] ?? EMPTY;
      empty &&= least === EMPTY;
      key = mix((key >>> 0) + least);
    }
    if (!empty) keys.push(key >>> 0);
  }
  return keys;
}

/** Sketches of rows, found by their bands: some 250 bytes a row. */
export class SketchIndex {
  readonly #sketches: Uint32Array;
  /** Chained buckets: the first entry of each, and of each entry its key and the next one; entries count from 1. */
  readonly #heads: Int32Array;
  readonly #keys: Uint32Array;
  readonly #next: Int32Array;
  readonly #rows: Int32Array;
  #entries = 0;
  /** By row, the look-up that met it last: a row may share several bands. */
  readonly #met: Int32Array;
  #lookup = 0;

  constructor(rows: number) {
    this.#sketches = new Uint32Array(rows * BINS);
    this.#heads = new Int32Array(2 ** Math.ceil(Math.log2(rows * BANDS + 1)));
    this.#keys = new Uint32Array(rows * BANDS + 1);
    this.#next = new Int32Array(rows * BANDS + 1);
    this.#rows = new Int32Array(rows * BANDS + 1);
    this.#met = new Int32Array(rows);
  }

  /** Rows come in order, each once. */
  add(row: number, features: Uint32Array): void {
    const bins = this.#sketches.subarray(row * BINS, (row + 1) * BINS);
    sketchInto(bins, features);
    for (const key of bandsOf(bins)) {
      const head = key & (this.#heads.length - 1);
      let alike = 0;
      for (let entry = this.#heads[head] ?? 0; entry > 0; entry = this.#next[entry] ?? 0) {
        if (this.#keys[entry] === key) alike += 1;
      }
      if (alike >= MOST_IN_BUCKET) continue;
      this.#entries += 1;
      this.#keys[this.#entries] = key;
      this.#rows[this.#entries] = row;
      this.#next[this.#entries] = this.#heads[head] ?? 0;
      this.#heads[head] = this.#entries;
    }
  }

  /** Rows that share a band, those first that share the most bins, and of them the first. */
  candidates(bins: Uint32Array, most: number): number[] {
    this.#lookup += 1;
    const met: { row: number; shared: number }[] = [];
    for (const key of bandsOf(bins)) {
      let entry = this.#heads[key & (this.#heads.length - 1)] ?? 0;
      for (; entry > 0; entry = this.#next[entry] ?? 0) {
        const row = this.#rows[entry] ?? 0;
        if (this.#keys[entry] !== key || this.#met[row] === this.#lookup) continue;
        this.#met[row] = this.#lookup;
        const shared = this.#shared(bins, row);
        if (shared >= LEAST_SHARED) met.push({ row, shared });
      }
    }
    if (met.length > 1) met.sort((a, b) => b.shared - a.shared || a.row - b.row);
    return met.slice(0, most).map(({ row }) => row);
  }

  /** Of the bins that one of the two fills, the share that both fill with the same. */
  #shared(bins: Uint32Array, row: number): number {
    let [same, filled] = [0, 0];
    for (let bin = 0; bin < BINS; bin += 1) {
      const own = this.#sketches[row * BINS + bin];
      if (own === EMPTY && bins[bin] === EMPTY) continue;
      filled += 1;
      if (own === bins[bin]) same += 1;
    }
    return same / filled;
  }
}
