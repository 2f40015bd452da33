// Joined rows as points: accuracies become counts, and each split must know its number of examples.

import type { LayerStatistics, Point, SplitResult } from "../phases/judge.ts";
import type { Column, LayerField, ResultField } from "./columns.ts";
import type { Draft } from "./drafts.ts";
import { HistoryError, refusal, shownName } from "./row.ts";

/** An accuracy and a count of the same results may differ by what a printed accuracy rounds away, and no more. */
const ROUNDING = 0.01;

type Slots<Field extends string> = Partial<Record<Field, Column>>;

/** The columns of each split or layer, gathered once. */
export interface Parts {
  splits: Map<string, Slots<ResultField>>;
  layers: Map<string, Slots<LayerField>>;
  weightNorm: Column | undefined;
}

export function partsOf(columns: readonly Column[]): Parts {
  const parts: Parts = { splits: new Map(), layers: new Map(), weightNorm: undefined };
  for (const column of columns) {
    const { target } = column;
    if (target.kind === "weight_norm") parts.weightNorm = column;
    else if (target.kind === "result") slotsIn(parts.splits, target.split)[target.field] = column;
    else if (target.kind === "layer") slotsIn(parts.layers, target.layer)[target.field] = column;
  }
  for (const [split, { accuracy, correct }] of parts.splits) {
    if (accuracy === undefined && correct === undefined) parts.splits.delete(split);
  }
  return parts;
}

function slotsIn<Field extends string>(all: Map<string, Slots<Field>>, name: string): Slots<Field> {
  const known = all.get(name) ?? {};
  all.set(name, known);
  return known;
}

/** Throws `HistoryError` for a `--total` of a split that the history does not have. */
export function checkTotals({ splits }: Parts, totals: ReadonlyMap<string, number>): void {
  for (const split of totals.keys()) {
    if (splits.has(split)) continue;
    const found = [...splits.keys()].map(shownName).join(", ");
    throw new HistoryError(`--total ${shownName(split)}: expected a split with results, found ${found}`);
  }
}

/** Null for a step without any result: a checkpoint that is not evaluated yet. Throws `HistoryError`. */
export function toPoint(draft: Draft, parts: Parts, totals: ReadonlyMap<string, number>): Point | null {
  const splits: Record<string, SplitResult> = {};
  let evaluated = false;
  for (const [split, slots] of parts.splits) {
    const result = toResult(draft, split, slots, totals.get(split));
    if (result === null) continue;
    splits[split] = result;
    evaluated = true;
  }
  if (!evaluated) return null;
  const point: Point = { step: draft.step, splits, weightNorm: valueIn(draft, parts.weightNorm) };
  const layers = toLayers(draft, parts);
  return layers === null ? point : { ...point, layers };
}

function toResult(
  draft: Draft,
  split: string,
  slots: Slots<ResultField>,
  given: number | undefined,
): SplitResult | null {
  const [counted, accuracy, written] = [slots.correct, slots.accuracy, slots.total].map((slot) => valueIn(draft, slot));
  if (counted === undefined || accuracy === undefined || written === undefined) return null;
  if (counted === null && accuracy === null) return null;
  const refuse = (column: Column | undefined, expected: string) => {
    const slot = column?.slot ?? -1;
    return refusal(draft.places[slot] ?? null, draft.sources[slot] ?? null, expected);
  };
  if (written !== null && given !== undefined && written !== given) {
    throw refuse(slots.total, `expected ${given} as --total says, got ${written}`);
  }
  const total = written ?? given;
  if (total === undefined) {
    const expected = `expected a column ${shownName(`${split}_total`)} beside it, got nothing at step ${draft.step}`;
    const hint = `say how many examples the split has: --total ${shownName(split)}=N`;
    throw refuse(counted === null ? slots.accuracy : slots.correct, `${expected}; ${hint}`);
  }
  const correct = counted ?? Math.round((accuracy ?? 0) * total);
  if (correct > total) throw refuse(slots.correct, `expected at most the total ${total}, got ${correct}`);
  if (accuracy !== null && counted !== null && Math.abs(accuracy - counted / total) > ROUNDING) {
    throw refuse(slots.accuracy, `expected about ${counted} of ${total} as counted, got ${accuracy}`);
  }
  return { correct, total, loss: valueIn(draft, slots.loss) };
}

function toLayers(draft: Draft, { layers }: Parts): Record<string, LayerStatistics> | null {
  const found: [string, LayerStatistics][] = [];
  for (const [layer, slots] of layers) {
    const [norm, effectiveRank, alpha] = [slots.norm, slots.effectiveRank, slots.alpha].map((slot) =>
      valueIn(draft, slot),
    );
    const statistics = { norm: norm ?? null, effectiveRank: effectiveRank ?? null, alpha: alpha ?? null };
    if (Object.values(statistics).some((value) => value !== null)) found.push([layer, statistics]);
  }
  return found.length === 0 ? null : Object.fromEntries(found);
}

const valueIn = (draft: Draft, column: Column | undefined): number | null =>
  column === undefined ? null : (draft.values[column.slot] ?? null);
