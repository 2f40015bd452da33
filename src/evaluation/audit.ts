import type { SplitAudit, SuiteAudit } from "./audit-types.ts";
import type { Scoring } from "./metrics.ts";
import { indexRows, MOST_SKETCHED, type NearIndex } from "./near.ts";
import { RowSample } from "./row-sample.ts";
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

/** Rows of train, in bytes, that near duplicates are looked for in: they are kept in memory, those of wide rows too. */
const SAMPLED_BYTES = 16 * 1024 * 1024;

/**
 * Looks a suite over: what train shares with the other splits, what a split repeats, how it is balanced, and how small
 * a change it can show. The first split must be train.
 */
export function auditSuite(task: Scoring["task"], splits: readonly AuditedSplit[]): SuiteAudit {
  const auditor = new SuiteAuditor(task);
  return auditor.end(
    splits.map((split) => {
      const own = auditor.beginSplit(split);
      own.addRows(split);
      return own.end();
    }),
  );
}

/** What the audit must know of a split before its first row. */
export type AuditedHead = Omit<AuditedSplit, "inputs" | "target">;
/** Some rows of a split, in order. */
export type AuditedRows = Pick<AuditedSplit, "rows" | "inputs" | "target">;

/**
 * The same, fed a block of rows at a time: a suite need not fit in memory. What is kept is two hashes for each row of
 * train and one for each of the split at hand, and a bounded sample of train. Train must come first.
 */
export class SuiteAuditor {
  readonly #task: Scoring["task"];
  #train: Known | null = null;

  constructor(task: Scoring["task"]) {
    this.#task = task;
  }

  beginSplit(head: AuditedHead): SplitAuditor {
    if (this.#train === null && head.name !== "train") throw new Error("the audit's first split must be train");
    return new SplitAuditor(this.#task, head, this.#train, (known) => {
      this.#train = known;
    });
  }

  end(splits: SplitAudit[]): SuiteAudit {
    return {
      splits,
      examplesForOnePoint: Math.ceil((Z95 ** 2 * 0.5) / ONE_POINT ** 2),
      nearSearched: this.#train?.index?.searched ?? 0,
    };
  }
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

class SplitAuditor {
  readonly #task: Scoring["task"];
  readonly #head: AuditedHead;
  readonly #train: Known | null;
  readonly #learn: (known: Known) => void;
  readonly #inputs: Float64Array;
  readonly #examples: Float64Array | null;
  #sample: RowSample | null = null;
  #at = 0;
  #shared = { inTrain: 0, conflicting: 0, nearTrain: 0 };

  constructor(task: Scoring["task"], head: AuditedHead, train: Known | null, learn: (known: Known) => void) {
    this.#task = task;
    this.#head = head;
    this.#train = train;
    this.#learn = learn;
    this.#inputs = new Float64Array(head.rows);
    this.#examples = train ? null : new Float64Array(head.rows);
  }

  addRows({ inputs, target, rows }: AuditedRows): void {
    const own = hashRows(inputs, rows);
    const examples = joinHashes(own, hashRows([target], rows));
    this.#inputs.set(own, this.#at);
    if (this.#train) this.#lookUp(this.#train, inputs, own, examples);
    else {
      this.#examples?.set(examples, this.#at);
      this.#sample ??= new RowSample(inputs, rows, this.#head.rows, MOST_SKETCHED, SAMPLED_BYTES);
      this.#sample.add(inputs, rows, this.#at);
    }
    this.#at += rows;
  }

  #lookUp(train: Known, inputs: readonly RowTensor[], own: Float64Array, examples: Float64Array): void {
    const isNear = train.index?.near(inputs.map(columnsOf));
    for (let row = 0; row < own.length; row += 1) {
      if (holds(train.inputs, own[row] ?? 0)) {
        this.#shared.inTrain += 1;
        if (!holds(train.examples, examples[row] ?? 0)) this.#shared.conflicting += 1;
      } else if (isNear?.(row)) this.#shared.nearTrain += 1;
    }
  }

  end(): SplitAudit {
    const { name, rows, total, classes } = this.#head;
    const inputs = this.#inputs.sort();
    if (this.#examples) {
      const sample = this.#sample?.tensors() ?? [];
      this.#learn({
        inputs,
        examples: this.#examples.sort(),
        index: indexRows(sample.map(columnsOf), sample[0]?.shape[0] ?? 0),
        classes: new Set(classes.map(([value]) => value)),
      });
    }
    const duplicateRows = repeats(inputs);
    const distinct = (total * (rows - duplicateRows)) / rows;
    const [commonest] = classes;
    const classed = this.#task !== "regression";
    const train = this.#train;
    const { inTrain, conflicting, nearTrain } = this.#shared;
    return {
      split: name,
      classes: classed ? classes.filter(([, count]) => count > 0).length : null,
      majority: classed && commonest ? { class: commonest[0], share: commonest[1] / total } : null,
      unseenClasses: classed ? classes.filter(([value]) => train && !train.classes.has(value)).length : null,
      duplicateRows,
      ...(train
        ? { inTrain, conflicting, nearTrain: train.index ? nearTrain : null }
        : { inTrain: null, conflicting: null, nearTrain: null }),
      resolves: {
        independent: Math.min(1, Z95 * Math.sqrt(0.5 / distinct)),
        paired: distinct < LEAST_FLIPS ? null : LEAST_FLIPS / distinct,
      },
    };
  }
}

const repeats = (sorted: Float64Array): number =>
  sorted.reduce((count, hash, n) => count + Number(n > 0 && sorted[n - 1] === hash), 0);
