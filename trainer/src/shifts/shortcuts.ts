// What answers that rest on no rule score on a suite: a split on which one of them does well tells no memorizer from a
// generalizer. They see all of a row; of next-token targets, which lie in the row themselves, they say nothing.

import { type Column, columnsOf } from "./columns.ts";
import { pickRows, ShiftError, type SplitTables, type SuiteTables, widthOf } from "./suite-file.ts";
import { askedOf, countAsked, isAsked, targetsOf, widthOfTargets } from "./targets.ts";
import { type Answer, teachColumn, teachConstant, teachNearest } from "./teach.ts";

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

interface TriedColumn extends Column {
  label: string;
}

/** Of larger splits so many rows are looked at, evenly spread, and so many columns of wider inputs. */
const MOST_KNOWN_ROWS = 5_000;
const MOST_ROWS = 1_000;
const MOST_COLUMNS = 256;

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

function columnsToTry(train: SplitTables): TriedColumn[] {
  const all = columnsOf(train);
  return spread(all.length, MOST_COLUMNS).flatMap((n) => {
    const column = all[n];
    if (!column) return [];
    const table = train.tables.get(column.name);
    return [{ ...column, label: table && widthOf(table) > 1 ? `${column.name}[${column.index}]` : column.name }];
  });
}
