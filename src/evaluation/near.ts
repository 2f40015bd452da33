// Rows that are nearly the same: by the share of their features that they have in common (Jaccard). A sketch finds the
// candidates, and each is then compared in full, so what is reported is near; some that are may be missed.

import { type Columns, mix } from "./rows.ts";
import { BINS, SketchIndex, sketchInto } from "./sketches.ts";

/** Rows with fewer numbers are either the same or not: two of three symbols in common says nothing. */
const LEAST_WIDTH = 16;
/** Of wider rows so many columns are looked at, evenly spread. */
export const MOST_COLUMNS = 4096;
/** Rows of train that one index may hold. */
export const MOST_INDEXED = 65_536;
/** Rows from which the columns are described, evenly spread. */
const DESCRIBED = 512;
/** In this share of features two rows are near. */
const NEAR = 0.8;
/** From so many symbols on, rows of whole numbers are text: their features are runs of three, wherever they stand. */
const VOCABULARY = 64;
/** Comparisons in full that a look-up may cost. */
const MOST_COMPARED = 8;

/** The features of a row, as hashes; good until the next row is asked for. */
type Features = (row: number) => Uint32Array;
/** Reads the features of rows; described once, on rows of train, so that all have the same. */
type Describe = (inputs: readonly Columns[]) => Features;

/** Tells of rows, by their number in these columns, whether those that are indexed have one that is near. */
export type FindNear = (inputs: readonly Columns[]) => (row: number) => boolean;

/** Whether rows of so many numbers can be near without being the same. */
export const canBeNear = (width: number): boolean => width >= LEAST_WIDTH;

/** Some rows of train, at most `MOST_INDEXED`, to look rows of other splits up in. */
export function indexRows(inputs: readonly Columns[], rows: number): FindNear {
  const describe = describeRows(inputs, rows);
  const featuresOf = describe(inputs);
  const index = new SketchIndex(rows);
  for (let row = 0; row < rows; row += 1) index.add(row, featuresOf(row));
  const [own, other] = [new FeatureSet(), new FeatureSet()];
  return (others) => {
    const featuresOfOther = describe(others);
    const bins = new Uint32Array(BINS);
    return (row) => {
      const features = featuresOfOther(row);
      sketchInto(bins, features);
      const candidates = index.candidates(bins, MOST_COMPARED);
      if (candidates.length === 0) return false;
      own.fill(features);
      return candidates.some((candidate) => {
        const common = other.fill(featuresOf(candidate), own);
        return common > 0 && common >= NEAR * (own.size + other.size - common);
      });
    };
  };
}

/**
 * What the values of an input's columns are made of, the columns side by side: cells of half a deviation, of which the
 * commonest is no feature.
 */
interface Cells {
  columns: number[];
  cell: number[];
  commonest: number[];
  /** What all hashes of the column's features begin with. */
  begun: number[];
}

function describeRows(train: readonly Columns[], rows: number): Describe {
  const sampled = Math.min(rows, DESCRIBED);
  const sample = Array.from({ length: sampled }, (_, n) => Math.floor((n * rows) / sampled));
  const isText = train.map((input) => input.width >= LEAST_WIDTH && isVocabulary(input, sample));
  const cells = train.map((): Cells => ({ columns: [], cell: [], commonest: [], begun: [] }));
  for (const { input, column } of spreadColumns(train.map(({ width }, input) => (isText[input] ? 0 : width)))) {
    describeColumn(cells[input], train[input], input, column, sample);
  }
  const most = train.reduce((sum, { width }, n) => sum + (isText[n] ? width : (cells[n]?.columns.length ?? 0)), 0);
  return (inputs) => {
    const features = new Uint32Array(most);
    return (row) => {
      let count = 0;
      inputs.forEach((own, input) => {
        const described = cells[input];
        if (isText[input]) count = addRuns(features, count, own, row, input);
        else if (described) count = addCells(features, count, own, row, described);
      });
      return features.subarray(0, count);
    };
  };
}

/** Writes a row's features from `count` on, and answers where they end. */
function addCells(features: Uint32Array, count: number, own: Columns, row: number, described: Cells): number {
  const { columns, cell, commonest, begun } = described;
  let end = count;
  for (let n = 0; n < columns.length; n += 1) {
    const value = Math.round(own.at(row, columns[n] ?? 0) / (cell[n] ?? 1));
    if (value === commonest[n]) continue;
    features[end] = endHash(begun[n] ?? 0, value);
    end += 1;
  }
  return end;
}

function addRuns(features: Uint32Array, count: number, own: Columns, row: number, input: number): number {
  // Of long texts a share of the runs, chosen by what they are: the same ones in every row.
  const share = Math.ceil(own.width / MOST_COLUMNS);
  let end = count;
  for (let n = 0; n + 2 < own.width; n += 1) {
    const first = endHash(beginHash(input, own.at(row, n)), own.at(row, n + 1));
    const run = endHash(beginHash(first, own.at(row, n + 2)), -1);
    if (share > 1 && mix(run) % share !== 0) continue;
    features[end] = run;
    end += 1;
  }
  return end;
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

/** Adds nothing for a column that never changes. */
function describeColumn(
  cells: Cells | undefined,
  columns: Columns | undefined,
  input: number,
  column: number,
  sample: readonly number[],
): void {
  const values = sample.map((row) => columns?.at(row, column) ?? 0);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  if (!(deviation > 0)) return;
  const cell = columns?.whole ? Math.max(1, deviation / 2) : deviation / 2;
  const counts = new Map<number, number>();
  for (const value of values) {
    const own = Math.round(value / cell);
    counts.set(own, (counts.get(own) ?? 0) + 1);
  }
  const [commonest = 0] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0] ?? [];
  cells?.columns.push(column);
  cells?.cell.push(cell);
  cells?.commonest.push(commonest);
  cells?.begun.push(beginHash(input, column));
}

const beginHash = (a: number, b: number): number => mix(mix(a + 0x9e3779b9) + Math.imul(b, 0x85ebca6b));
const endHash = (begun: number, c: number): number => mix(begun + Math.imul(c, 0xc2b2ae35)) >>> 0;

/** A set of hashes that is filled again and again: what it held before counts as empty, by the number of the filling. */
class FeatureSet {
  #values = new Uint32Array(64);
  #filled = new Uint32Array(64);
  #filling = 0;
  /** Distinct ones. */
  size = 0;

  /** Answers how many of them another set has too. */
  fill(features: Uint32Array, other?: FeatureSet): number {
    if (this.#values.length < 2 * features.length) {
      const places = 2 ** Math.ceil(Math.log2(2 * features.length));
      this.#values = new Uint32Array(places);
      this.#filled = new Uint32Array(places);
    }
    this.#filling += 1;
    this.size = 0;
    let common = 0;
    for (const feature of features) {
      const place = this.#placeOf(feature);
      if (this.#filled[place] === this.#filling) continue;
      this.#values[place] = feature;
      this.#filled[place] = this.#filling;
      this.size += 1;
      if (other?.has(feature)) common += 1;
    }
    return common;
  }

  has(feature: number): boolean {
    return this.#filled[this.#placeOf(feature)] === this.#filling;
  }

  /** Where it is, or would be put. */
  #placeOf(feature: number): number {
    const last = this.#values.length - 1;
    let place = feature & last;
    while (this.#filled[place] === this.#filling && this.#values[place] !== feature) place = (place + 1) & last;
    return place;
  }
}
