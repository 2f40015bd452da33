import type { SplitAudit, SuiteAudit } from "./audit-types.ts";
import type { Scoring } from "./metrics.ts";
import { indexRows, type NearIndex } from "./near.ts";
import { columnsOf, hashRows, holds, joinHashes, type RowTensor } from "./rows.ts";

/** A split as the audit needs it; inputs in the same order in every split. */
export interface AuditedSplit {
  name: string;
  rows: number;
  inputs: readonly RowTensor[];
  target: RowTensor;
  /** Items asked, and how often each class is, the commonest first. */
  total: number;
  classes: readonly (readonly [value: number, count: number])[];
}

const Z95 = 1.959964;
/** Flips that must all go one way before the exact McNemar test tells them from chance: 2 / 2^6 is below .05. */
const LEAST_FLIPS = 6;
const ONE_POINT = 0.01;

/**
 * Looks a suite over: what train shares with the other splits, what a split repeats, how it is balanced, and how small
 * a change it can show. The first split must be train.
 */
export function auditSuite(task: Scoring["task"], splits: readonly AuditedSplit[]): SuiteAudit {
  const [train] = splits;
  if (train?.name !== "train") throw new Error("the audit's first split must be train");
  const index = indexRows(train.inputs.map(columnsOf), train.rows);
  const hashes = hashesOf(train);
  const known = {
    ...{ inputs: hashes.inputs.slice().sort(), examples: hashes.examples.slice().sort(), index },
    classes: new Set(train.classes.map(([value]) => value)),
  };
  return {
    splits: splits.map((split) =>
      split === train ? auditSplit(task, split, hashes, null) : auditSplit(task, split, hashesOf(split), known),
    ),
    examplesForOnePoint: Math.ceil((Z95 ** 2 * 0.5) / ONE_POINT ** 2),
    nearSearched: index?.searched ?? 0,
  };
}

/** Of a split's rows. */
interface Hashes {
  inputs: Float64Array;
  /** Inputs and targets together. */
  examples: Float64Array;
}

/** Train, to look the rows of others up in: its hashes sorted. */
interface Known extends Hashes {
  index: NearIndex | null;
  classes: ReadonlySet<number>;
}

function hashesOf({ inputs, target, rows }: AuditedSplit): Hashes {
  const own = hashRows(inputs, rows);
  return { inputs: own, examples: joinHashes(own, hashRows([target], rows)) };
}

function auditSplit(task: Scoring["task"], split: AuditedSplit, hashes: Hashes, train: Known | null): SplitAudit {
  const { name, rows, total, classes } = split;
  const duplicateRows = repeats(hashes.inputs.slice().sort());
  const distinct = (total * (rows - duplicateRows)) / rows;
  const [commonest] = classes;
  const classed = task !== "regression";
  return {
    split: name,
    classes: classed ? classes.filter(([, count]) => count > 0).length : null,
    majority: classed && commonest ? { class: commonest[0], share: commonest[1] / total } : null,
    unseenClasses: classed ? classes.filter(([value]) => train && !train.classes.has(value)).length : null,
    duplicateRows,
    ...(train ? sharedWith(train, split, hashes) : { inTrain: null, conflicting: null, nearTrain: null }),
    resolves: {
      independent: Math.min(1, Z95 * Math.sqrt(0.5 / distinct)),
      paired: distinct < LEAST_FLIPS ? null : LEAST_FLIPS / distinct,
    },
  };
}

const repeats = (sorted: Float64Array): number =>
  sorted.reduce((count, hash, n) => count + Number(n > 0 && sorted[n - 1] === hash), 0);

function sharedWith(train: Known, { inputs, rows }: AuditedSplit, hashes: Hashes) {
  const isNear = train.index?.near(inputs.map(columnsOf));
  let [inTrain, conflicting, nearTrain] = [0, 0, 0];
  for (let row = 0; row < rows; row += 1) {
    if (holds(train.inputs, hashes.inputs[row] ?? 0)) {
      inTrain += 1;
      if (!holds(train.examples, hashes.examples[row] ?? 0)) conflicting += 1;
    } else if (isNear?.(row)) nearTrain += 1;
  }
  return { inTrain, conflicting, nearTrain: isNear ? nearTrain : null };
}
