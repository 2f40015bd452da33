// What answers that rest on no rule score on a suite: a split on which one of them does well tells no memorizer from a
// generalizer. They see all of a row; of next-token targets, which lie in the row themselves, they say nothing.

import { type Column, columnsOf, inputsOf, momentsOf, valuesOf } from "./columns.ts";
import { isWhole, pickRows, ShiftError, type SplitTables, type SuiteTables, widthOf } from "./suite-file.ts";

export interface Shortcuts {
  split: string;
  rows: number;
  /** Share of the targets that are asked and got right by each kind of answer. */
  constant: number;
  /** The answers of the row of train that is nearest: the same one, where train has it. */
  nearest: number;
  /** By one column of the inputs alone, what train mostly answers to its value. */
  column: number;
  /** That column, for each target the one which does best on validation. */
  columns: string[];
}

/** Of larger splits so many rows are looked at, evenly spread, and so many columns of wider inputs. */
const MOST_KNOWN_ROWS = 5_000;
const MOST_ROWS = 1_000;
const MOST_COLUMNS = 256;

/** Values of a real column that count as one. */
const BINS = 32;

/** What train teaches to answer to a row: a number for each target of it. */
type Answer = (row: number) => ArrayLike<number>;
type Scorer = (split: SplitTables, answer: Answer) => number[];

/** By split, train left out. Throws ShiftError where the suite lacks what it takes. */
export function measureShortcuts({ splits, metadata }: SuiteTables): Shortcuts[] {
  const whole = splits.get("train");
  if (!whole) throw new ShiftError("the suite has no split train");
  const train = thinned(whole, MOST_KNOWN_ROWS);
  const others = [...splits]
    .filter(([name]) => name !== "train")
    .map(([name, split]) => [name, thinned(split, MOST_ROWS)] as const);
  const judge = new Map(others).get("validation") ?? train;
  const score = scorerOf(metadata);
  const byColumn = columnsToTry(train).map((column) => ({ ...column, teach: teachColumn(train, column, metadata) }));
  // Of each target, the column that does best on what is drawn as train was.
  const judged = byColumn.map(({ teach }) => score(judge, teach(judge)));
  const best = Array.from({ length: widthOfTargets(train) }, (_, target) =>
    judged.reduce((most, own, n) => ((own[target] ?? 0) > (judged[most]?.[target] ?? 0) ? n : most), 0),
  );
  const asked = [...new Set(best.filter((_, target) => isAsked(train, target)))];
  return others.map(([split, own]) => {
    const answers = new Map(asked.map((n) => [n, byColumn[n]?.teach(own)]));
    const join: Answer = (row) => best.map((n, target) => answers.get(n)?.(row)[target] ?? Number.NaN);
    return {
      split,
      rows: own.rows,
      constant: mean(score(own, teachConstant(train, metadata)), own),
      nearest: mean(score(own, teachNearest(train)(own)), own),
      column: mean(score(own, join), own),
      columns: asked.map((n) => byColumn[n]?.label ?? ""),
    };
  });
}

function thinned(split: SplitTables, most: number): SplitTables {
  if (split.rows <= most) return split;
  return pickRows(split, spread(split.rows, most));
}

const spread = (all: number, most: number): number[] =>
  Array.from({ length: Math.min(all, most) }, (_, n) => Math.floor((n * all) / Math.min(all, most)));

const targetsOf = ({ tables, rows }: SplitTables): Float64Array => {
  const target = tables.get("target");
  if (!target || rows === 0) throw new ShiftError("a split has no target");
  return target.values;
};
const widthOfTargets = (split: SplitTables): number => targetsOf(split).length / split.rows;
const askedOf = (split: SplitTables): number[] =>
  Array.from({ length: widthOfTargets(split) }, (_, target) => countAsked(split, target));
const isAsked = (split: SplitTables, target: number): boolean => countAsked(split, target) > 0;

function countAsked(split: SplitTables, target: number): number {
  const mask = split.tables.get("target_mask")?.values;
  const width = widthOfTargets(split);
  if (!mask) return split.rows;
  let asked = 0;
  for (let n = target; n < mask.length; n += width) if (mask[n] !== 0) asked += 1;
  return asked;
}

/** Of shares by target, each as heavy as it is asked. */
function mean(shares: readonly number[], split: SplitTables): number {
  const asked = askedOf(split);
  const sum = asked.reduce((total, count) => total + count, 0);
  return shares.reduce((total, share, target) => total + share * (asked[target] ?? 0), 0) / sum;
}

function scorerOf(metadata: Readonly<Record<string, string>>): Scorer {
  const isRight = rightness(metadata);
  return (split, answer) => {
    const [targets, mask, width] = [targetsOf(split), split.tables.get("target_mask")?.values, widthOfTargets(split)];
    const right = new Array<number>(width).fill(0);
    for (let row = 0; row < split.rows; row += 1) {
      const given = answer(row);
      for (let target = 0; target < width; target += 1) {
        const n = row * width + target;
        if (mask?.[n] === 0 || !isRight(given[target] ?? Number.NaN, targets[n] ?? Number.NaN)) continue;
        right[target] = (right[target] ?? 0) + 1;
      }
    }
    return right.map((count, target) => count / Math.max(1, countAsked(split, target)));
  };
}

function rightness(metadata: Readonly<Record<string, string>>): (answer: number, target: number) => boolean {
  if (metadata["task"] !== "regression") return (answer, target) => answer === target;
  const [absolute, relative] = [Number(metadata["tolerance"] ?? 0), Number(metadata["relative_tolerance"] ?? 0)];
  return (answer, target) => Math.abs(answer - target) <= Math.max(absolute, relative * Math.abs(target));
}

/** The commonest of whole answers, the mean of others. */
function typical(values: readonly number[], metadata: Readonly<Record<string, string>>): number {
  if (metadata["task"] === "regression") return momentsOf(Float64Array.from(values)).mean;
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]?.[0] ?? Number.NaN;
}

/** Of each target the answers that train has, for the rows that `of` names. */
function typicalOf(train: SplitTables, metadata: Readonly<Record<string, string>>, rows: readonly number[]): number[] {
  const [targets, mask, width] = [targetsOf(train), train.tables.get("target_mask")?.values, widthOfTargets(train)];
  return Array.from({ length: width }, (_, target) => {
    const places = rows.map((row) => row * width + target).filter((n) => mask?.[n] !== 0);
    return typical(
      places.map((n) => targets[n] ?? Number.NaN),
      metadata,
    );
  });
}

function teachConstant(train: SplitTables, metadata: Readonly<Record<string, string>>): Answer {
  const answer = typicalOf(
    train,
    metadata,
    Array.from({ length: train.rows }, (_, row) => row),
  );
  return () => answer;
}

/** Whole columns differ or do not, real ones by how far, in deviations. */
function teachNearest(train: SplitTables): (split: SplitTables) => Answer {
  const width = widthOfTargets(train);
  const scales = inputsOf(train).map(([name, table]) =>
    Array.from({ length: widthOf(table) }, (_, index) => momentsOf(valuesOf(train, { name, index })).deviation),
  );
  return (split) => (row) => {
    let [nearest, least] = [0, Number.POSITIVE_INFINITY];
    for (let other = 0; other < train.rows; other += 1) {
      let distance = 0;
      inputsOf(train).forEach(([name, table], input) => {
        const columns = widthOf(table);
        const values = split.tables.get(name)?.values;
        for (let n = 0; n < columns && distance < least; n += 1) {
          const gap = (values?.[row * columns + n] ?? 0) - (table.values[other * columns + n] ?? 0);
          distance += isWhole(table) ? Number(gap !== 0) : (gap / (scales[input]?.[n] || 1)) ** 2;
        }
      });
      if (distance < least) [nearest, least] = [other, distance];
    }
    return targetsOf(train).subarray(nearest * width, (nearest + 1) * width);
  };
}

interface TriedColumn extends Column {
  label: string;
}

function columnsToTry(train: SplitTables): TriedColumn[] {
  const all = columnsOf(train);
  return spread(all.length, MOST_COLUMNS).flatMap((n) => {
    const column = all[n];
    if (!column) return [];
    const table = train.tables.get(column.name);
    return [{ ...column, label: table && widthOf(table) > 1 ? `${column.name}[${column.index}]` : column.name }];
  });
}

function teachColumn(train: SplitTables, column: TriedColumn, metadata: Readonly<Record<string, string>>) {
  const table = train.tables.get(column.name);
  const known = valuesOf(train, column);
  const sorted = known.slice().sort();
  const [low = 0, high = 0] = [sorted[0], sorted.at(-1)];
  const keyOf = (value: number) =>
    table && isWhole(table) ? value : Math.round((BINS * (value - low)) / (high - low || 1));
  const rows = new Map<number, number[]>();
  known.forEach((value, row) => {
    const key = keyOf(value);
    const own = rows.get(key) ?? [];
    own.push(row);
    rows.set(key, own);
  });
  const answers = new Map([...rows].map(([key, own]) => [key, typicalOf(train, metadata, own)]));
  const constant = teachConstant(train, metadata);
  return (split: SplitTables): Answer => {
    const values = valuesOf(split, column);
    return (row) => answers.get(keyOf(values[row] ?? Number.NaN)) ?? constant(row);
  };
}
