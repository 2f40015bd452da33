import type { Resolution, SplitAudit, SuiteAudit } from "./audit-types.ts";
import type { Scoring } from "./metrics.ts";
import { hashRows, holds, joinHashes, type RowTensor } from "./rows.ts";

/** What the audit must know of a split before its first row. */
export interface AuditedHead {
  name: string;
  rows: number;
  /** Items asked, and how often each class is, the commonest first. */
  total: number;
  classes: readonly (readonly [value: number, count: number])[];
}

/** Some rows of a split, in order; inputs in the same order in every split. */
export interface AuditedRows {
  rows: number;
  inputs: readonly RowTensor[];
  target: RowTensor;
}

const Z95 = 1.959964;
/** Flips that must all go one way before the exact McNemar test tells them from chance: 2 / 2^6 is below .05. */
const LEAST_FLIPS = 6;
const ONE_POINT = 0.01;

/**
 * Looks a suite over: what train shares with the other splits, what a split repeats, how it is balanced, and how small
 * a change it can show. It is fed a block of rows at a time, for a suite need not fit in memory: what is kept is two
 * hashes for each row of train and one for each of the split at hand. Train must come first.
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
}

/** Examples that resolve a change of one point between independent measurements. */
export const EXAMPLES_FOR_ONE_POINT = Math.ceil((Z95 ** 2 * 0.5) / ONE_POINT ** 2);

/** `nearSearched`: rows of train that near duplicates were looked for in. */
export function joinAudits(splits: SplitAudit[], nearSearched: number): SuiteAudit {
  return { splits, examplesForOnePoint: EXAMPLES_FOR_ONE_POINT, nearSearched };
}

/** The smallest changes of accuracy that this many distinct examples tell from noise. */
export function resolutionOf(examples: number): Resolution {
  return {
    independent: Math.min(1, Z95 * Math.sqrt(0.5 / examples)),
    paired: examples < LEAST_FLIPS ? null : LEAST_FLIPS / examples,
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
  classes: ReadonlySet<number>;
}

class SplitAuditor {
  readonly #task: Scoring["task"];
  readonly #head: AuditedHead;
  readonly #train: Known | null;
  readonly #learn: (known: Known) => void;
  readonly #inputs: Float64Array;
  readonly #examples: Float64Array | null;
  #at = 0;
  #shared = { inTrain: 0, conflicting: 0 };

  constructor(task: Scoring["task"], head: AuditedHead, train: Known | null, learn: (known: Known) => void) {
    this.#task = task;
    this.#head = head;
    this.#train = train;
    this.#learn = learn;
    this.#inputs = new Float64Array(head.rows);
    this.#examples = train ? null : new Float64Array(head.rows);
  }

  /** Answers with 1 for each row that train has too. */
  addRows({ inputs, target, rows }: AuditedRows): Uint8Array {
    const own = hashRows(inputs, rows);
    const examples = joinHashes(own, hashRows([target], rows));
    this.#inputs.set(own, this.#at);
    this.#examples?.set(examples, this.#at);
    this.#at += rows;
    return this.#train ? this.#lookUp(this.#train, own, examples) : new Uint8Array(rows);
  }

  #lookUp(train: Known, own: Float64Array, examples: Float64Array): Uint8Array {
    return Uint8Array.from(own, (hash, row) => {
      if (!holds(train.inputs, hash)) return 0;
      this.#shared.inTrain += 1;
      if (!holds(train.examples, examples[row] ?? 0)) this.#shared.conflicting += 1;
      return 1;
    });
  }

  /** `nearTrain`: of the other rows those that are nearly one of train; null where rows are too short for the question. */
  end(nearTrain: number | null): SplitAudit {
    const { name, rows, total, classes } = this.#head;
    const inputs = this.#inputs.sort();
    if (this.#examples) {
      this.#learn({ inputs, examples: this.#examples.sort(), classes: new Set(classes.map(([value]) => value)) });
    }
    const duplicateRows = repeats(inputs);
    const distinct = (total * (rows - duplicateRows)) / rows;
    const [commonest] = classes;
    const classed = this.#task !== "regression";
    const train = this.#train;
    return {
      split: name,
      classes: classed ? classes.filter(([, count]) => count > 0).length : null,
      majority: classed && commonest ? { class: commonest[0], share: commonest[1] / total } : null,
      balance: classed ? evennessOf(classes.map(([, count]) => count)) : null,
      unseenClasses: classed ? classes.filter(([value]) => train && !train.classes.has(value)).length : null,
      duplicateRows,
      ...(train ? { ...this.#shared, nearTrain } : { inTrain: null, conflicting: null, nearTrain: null }),
      resolves: resolutionOf(distinct),
    };
  }
}

/** 1 also of one class alone, which is as even as it can be. */
function evennessOf(counts: readonly number[]): number {
  const asked = counts.filter((count) => count > 0);
  const sum = asked.reduce((total, count) => total + count, 0);
  const entropy = asked.reduce((total, count) => total - (count / sum) * Math.log(count / sum), 0);
  return asked.length < 2 ? 1 : entropy / Math.log(asked.length);
}

const repeats = (sorted: Float64Array): number =>
  sorted.reduce((count, hash, n) => count + Number(n > 0 && sorted[n - 1] === hash), 0);
