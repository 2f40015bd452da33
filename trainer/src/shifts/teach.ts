// Answers that rest on no rule: what train teaches who sees no more than its answers, its rows, or one column of them.

import { type Column, commonest, inputsOf, momentsOf, valuesOf } from "./columns.ts";
import { isWhole, type SplitTables, widthOf } from "./suite-file.ts";
import { targetsOf, widthOfTargets } from "./targets.ts";

/** What train teaches to answer to a row: a number for each target of it. */
export type Answer = (row: number) => ArrayLike<number>;

/** Values of a real column that count as one. */
const BINS = 32;

/** The commonest of whole answers, the mean of others. */
function typical(values: readonly number[], metadata: Readonly<Record<string, string>>): number {
  if (metadata["task"] === "regression") return momentsOf(Float64Array.from(values)).mean;
  return commonest(values);
}

/** Of each target what train mostly answers to these of its rows. */
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

/** Always the same answer. */
export function teachConstant(train: SplitTables, metadata: Readonly<Record<string, string>>): Answer {
  const answer = typicalOf(
    train,
    metadata,
    Array.from({ length: train.rows }, (_, row) => row),
  );
  return () => answer;
}

/**
 * The answers of the nearest row of train. Whole columns differ or do not, real ones by how far, in
 * deviations.
 */
export function teachNearest(train: SplitTables): (split: SplitTables) => Answer {
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

/** What train mostly answers to the value of one column. */
export function teachColumn(train: SplitTables, column: Column, metadata: Readonly<Record<string, string>>) {
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
