// Shifts that take rows away from train and the base split: what is trained on must be the train that is left.

import type { Random } from "../random.ts";
import { columnsOf, countsOf, parseColumn, valuesOf } from "./columns.ts";
import type { Options } from "./options.ts";
import { ShiftError, type SplitTables } from "./suite-file.ts";

/** Tells of the rows of train and of the base split which go. */
export type Move = (
  train: SplitTables,
  base: SplitTables,
  options: Options,
  random: Random,
) => (split: SplitTables) => boolean[];

/** Combinations of two columns' values that train never shows, though it shows each value in others. */
export const holdout: Move = (train, _base, options, random) => {
  const named = options.list("columns");
  const columns = named?.map((text) => parseColumn(text, train)) ?? columnsOf(train).slice(0, 2);
  const share = options.number("share", 0.1, 0, 0.5);
  if (columns.length !== 2) throw new ShiftError("holdout needs two columns, as columns=a+b");
  const keys = (split: SplitTables) => {
    const [first, second] = columns.map((column) => valuesOf(split, column));
    return Array.from(first ?? [], (value, row) => ({ first: value, second: second?.[row] ?? 0 }));
  };
  const pairs = new Map(keys(train).map((pair) => [`${pair.first} ${pair.second}`, pair]));
  const firsts = countsOf([...pairs.values()].map(({ first }) => first));
  const seconds = countsOf([...pairs.values()].map(({ second }) => second));
  const held = new Set<string>();
  for (const [key, { first, second }] of random.shuffle([...pairs])) {
    if (held.size >= share * pairs.size) break;
    // Each value must be left in two combinations at the least, or it is a new value and not a new combination.
    if ((firsts.get(first) ?? 0) <= 2 || (seconds.get(second) ?? 0) <= 2) continue;
    firsts.set(first, (firsts.get(first) ?? 0) - 1);
    seconds.set(second, (seconds.get(second) ?? 0) - 1);
    held.add(key);
  }
  if (held.size === 0) throw new ShiftError("holdout finds no combination to spare: are the columns symbols?");
  return (split) => keys(split).map(({ first, second }) => held.has(`${first} ${second}`));
};

/** The highest or lowest values of a column, as train has them. */
export const range: Move = (train, _base, options) => {
  const [text, ...more] = options.list("column") ?? [];
  if (text === undefined || more.length > 0) throw new ShiftError("range needs a column, as column=x[2]");
  const column = parseColumn(text, train);
  const share = options.number("share", 0.1, 0, 0.5);
  const side = options.text("side", "high", ["high", "low"]);
  const sorted = valuesOf(train, column).sort();
  const edge = sorted[side === "high" ? Math.ceil((1 - share) * sorted.length) : Math.floor(share * sorted.length) - 1];
  if (edge === undefined) throw new ShiftError(`range: ${share} of ${sorted.length} rows is none`);
  return (split) => Array.from(valuesOf(split, column), (value) => (side === "high" ? value >= edge : value <= edge));
};
