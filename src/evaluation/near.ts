// Rows that are nearly the same: by the share of their features that they have in common (Jaccard). A sketch finds the
// candidates, and each is then compared in full, so what is reported is near; some that are may be missed.

import { type Columns, mix } from "./rows.ts";

/** Rows with fewer numbers are either the same or not: two of three symbols in common says nothing. */
const LEAST_WIDTH = 16;
/** Of wider rows so many columns are looked at, evenly spread. */
const MOST_COLUMNS = 4096;
/** Rows of train that are sketched, evenly spread, and rows from which the columns are described. */
export const MOST_SKETCHED = 16_384;
const DESCRIBED = 512;
/** In this share of features two rows are near. */
const NEAR = 0.8;
/** From so many symbols on, rows of whole numbers are text: their features are runs of three, wherever they stand. */
const VOCABULARY = 64;

const BINS = 32;
const BAND = 4;
const EMPTY = 0xffffffff;
/** Rows in one bucket of the index, and comparisons in full, that a look-up may cost. */
const MOST_IN_BUCKET = 16;
const MOST_COMPARED = 8;

/** The features of a row, as hashes. */
type Features = (row: number) => Uint32Array;
/** Reads the features of a split; described once, on train, so that all splits have the same. */
type Describe = (inputs: readonly Columns[]) => Features;

export interface NearIndex {
  /** Rows of train that were sketched. */
  searched: number;
  /** Tells of a split's rows whether train has one that is near. */
  near: (inputs: readonly Columns[]) => (row: number) => boolean;
}

/** Null where rows are too short for the question. */
export function indexRows(inputs: readonly Columns[], rows: number): NearIndex | null {
  if (inputs.reduce((sum, { width }) => sum + width, 0) < LEAST_WIDTH) return null;
  const describe = describeRows(inputs, rows);
  const featuresOf = describe(inputs);
  const searched = Math.min(rows, MOST_SKETCHED);
  const rowOf = (n: number) => Math.floor((n * rows) / searched);
  const sketches = Array.from({ length: searched }, (_, n) => sketch(featuresOf(rowOf(n))));
  const buckets = new Map<number, number[]>();
  sketches.forEach((own, n) => {
    for (const key of bandsOf(own)) {
      const bucket = buckets.get(key);
      if (!bucket) buckets.set(key, [n]);
      else if (bucket.length < MOST_IN_BUCKET) bucket.push(n);
    }
  });
  return {
    searched,
    near(others) {
      const featuresOfOther = describe(others);
      return (row) => {
        const features = featuresOfOther(row);
        const own = sketch(features);
        const candidates = new Set(bandsOf(own).flatMap((key) => buckets.get(key) ?? []));
        const alike = [...candidates]
          .map((n) => ({ n, share: agreement(own, sketches[n] ?? own) }))
          .sort((a, b) => b.share - a.share || a.n - b.n)
          .slice(0, MOST_COMPARED);
        const set = new Set(features);
        return alike.some(({ n }) => jaccard(set, new Set(featuresOf(rowOf(n)))) >= NEAR);
      };
    },
  };
}

/** What a column's values are made of: cells of half a deviation, of which the commonest is no feature. */
interface Column {
  input: number;
  column: number;
  cell: number;
  commonest: number;
}

function describeRows(train: readonly Columns[], rows: number): Describe {
  const sampled = Math.min(rows, DESCRIBED);
  const sample = Array.from({ length: sampled }, (_, n) => Math.floor((n * rows) / sampled));
  const isText = train.map((input) => input.width >= LEAST_WIDTH && isVocabulary(input, sample));
  const columns = spreadColumns(train.map(({ width }, input) => (isText[input] ? 0 : width))).flatMap(
    ({ input, column }) => describeColumn(train[input], input, column, sample),
  );
  return (inputs) => (row) => {
    const features: number[] = [];
    for (const { input, column, cell, commonest } of columns) {
      const value = Math.round((inputs[input]?.at(row, column) ?? 0) / cell);
      if (value !== commonest) features.push(hash(input, column, value));
    }
    inputs.forEach((own, input) => {
      if (!isText[input]) return;
      // Of long texts a share of the runs, chosen by what they are: the same ones in every row.
      const share = Math.ceil(own.width / MOST_COLUMNS);
      for (let n = 0; n + 2 < own.width; n += 1) {
        const run = hash(hash(input, own.at(row, n), own.at(row, n + 1)), own.at(row, n + 2), -1);
        if (mix(run) % share === 0) features.push(run);
      }
    });
    return Uint32Array.from(features);
  };
}

/** At most `MOST_COLUMNS` of the columns of inputs of these widths, evenly spread. */
function spreadColumns(widths: readonly number[]): { input: number; column: number }[] {
  const all = widths.reduce((sum, width) => sum + width, 0);
  const count = Math.min(all, MOST_COLUMNS);
  return Array.from({ length: count }, (_, n) => {
    let column = Math.floor((n * all) / count);
    let input = 0;
    while (column >= (widths[input] ?? all)) {
      column -= widths[input] ?? 0;
      input += 1;
    }
    return { input, column };
  });
}

function isVocabulary({ whole, width, at }: Columns, sample: readonly number[]): boolean {
  if (!whole) return false;
  const seen = new Set<number>();
  for (const row of sample) {
    for (let column = 0; column < width && seen.size < VOCABULARY; column += 1) seen.add(at(row, column));
  }
  return seen.size >= VOCABULARY;
}

/** None for a column that never changes. */
function describeColumn(
  columns: Columns | undefined,
  input: number,
  column: number,
  sample: readonly number[],
): Column[] {
  const values = sample.map((row) => columns?.at(row, column) ?? 0);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  if (!(deviation > 0)) return [];
  const cell = columns?.whole ? Math.max(1, deviation / 2) : deviation / 2;
  const counts = new Map<number, number>();
  for (const value of values) {
    const own = Math.round(value / cell);
    counts.set(own, (counts.get(own) ?? 0) + 1);
  }
  const [commonest = 0] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0] ?? [];
  return [{ input, column, cell, commonest }];
}

const hash = (a: number, b: number, c: number): number =>
  mix(mix(mix(a + 0x9e3779b9) + Math.imul(b, 0x85ebca6b)) + Math.imul(c, 0xc2b2ae35)) >>> 0;

/** One permutation hashing (Li, Owen & Zhang 2012): the least hash in each bin; one pass, one hash a feature. */
function sketch(features: Uint32Array): Uint32Array {
  const bins = new Uint32Array(BINS).fill(EMPTY);
  for (const feature of features) {
    const bin = feature % BINS;
    bins[bin] = Math.min(bins[bin] ?? EMPTY, Math.floor(feature / BINS));
  }
  return bins;
}

/** A key for each run of bins that is not all empty. */
function bandsOf(bins: Uint32Array): number[] {
  const keys: number[] = [];
  for (let first = 0; first < BINS; first += BAND) {
    const band = bins.subarray(first, first + BAND);
    if (band.every((bin) => bin === EMPTY)) continue;
    keys.push(band.reduce((key, bin) => mix(key + bin) >>> 0, mix(first + 1) >>> 0));
  }
  return keys;
}

const agreement = (a: Uint32Array, b: Uint32Array): number =>
  a.reduce((same, bin, n) => same + Number(bin !== EMPTY && bin === b[n]), 0);

function jaccard(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let common = 0;
  for (const feature of a) if (b.has(feature)) common += 1;
  return common === 0 ? 0 : common / (a.size + b.size - common);
}
