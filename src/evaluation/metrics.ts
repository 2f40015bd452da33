/** What a suite's task asks, and how an answer is told right from wrong. */
export type Scoring =
  /** Targets are class indices; the output has one axis more, the classes, last. `ignoreIndex` marks what is not asked. */
  | { task: "classification"; ignoreIndex: number | null }
  /** Targets are 0 or 1, the output a logit for each. `threshold` is the probability from which the answer is 1. */
  | { task: "binary"; threshold: number }
  /** The same with labels along the last axis: an item is right when all its labels are. */
  | { task: "multilabel"; threshold: number }
  /** Right within `tolerance`, or within `relativeTolerance` of the target's size, whichever is wider. */
  | { task: "regression"; tolerance: number; relativeTolerance: number };

/** Answers and targets of a batch, row-major. */
export interface Batch {
  rows: number;
  outputs: ArrayLike<number>;
  targets: ArrayLike<number>;
  /** Classes of a classification, labels of a multilabel; 1 otherwise. */
  width: number;
  /** As many as targets, 0 where a target is not asked; null where all are. */
  mask: ArrayLike<number> | null;
}

/** Counts and losses of a batch. Batches and shards add up. */
export interface Tally {
  correct: number;
  /** Items that were asked: targets, or of a multilabel sets of them. */
  total: number;
  /** Cross-entropy in nats (of a multilabel, the mean over an item's labels) or squared error. NaN without a number. */
  lossSum: number;
  /** By class of the target, or by label; null where there are more than `MAX_COUNTED_CLASSES`, and of a regression. */
  classes: ClassCounts | null;
  /** 1 where an item is right; 0 also where it was not asked. */
  correctness: Uint8Array;
  /** Losses of each row's items, summed. */
  rowLosses: Float64Array;
}

export interface ClassCounts {
  correct: number[];
  total: number[];
}

/** Beyond it (the vocabulary of a language model) counts by class cost more than they say. */
export const MAX_COUNTED_CLASSES = 256;

/** Items of a batch: what one bit of correctness stands for. */
export function itemsOf({ task }: Scoring, targets: number, width: number): number {
  return task === "multilabel" ? targets / width : targets;
}

/**
 * Scores outputs against targets.
 * Classification: correct by argmax, ties going to the lowest class; an item with a NaN is never correct.
 */
export function scoreBatch(scoring: Scoring, batch: Batch): Tally {
  const { rows, targets, width } = batch;
  const items = itemsOf(scoring, targets.length, width);
  const counted = countedClasses(scoring, width);
  const tally: Tally = {
    correct: 0,
    total: 0,
    lossSum: 0,
    classes: counted === null ? null : { correct: zeros(counted), total: zeros(counted) },
    correctness: new Uint8Array(items),
    rowLosses: new Float64Array(rows),
  };
  const judge = judgeOf(scoring, batch, tally.classes);
  for (let item = 0; item < items; item += 1) {
    const judged = judge(item);
    if (judged === null) continue;
    const row = Math.floor((item * rows) / items);
    tally.total += 1;
    tally.lossSum += judged.loss;
    tally.rowLosses[row] = (tally.rowLosses[row] ?? 0) + judged.loss;
    if (!judged.correct) continue;
    tally.correct += 1;
    tally.correctness[item] = 1;
  }
  return tally;
}

/** Of batches in their order, as one. */
export function joinTallies(tallies: readonly Tally[]): Tally {
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
  const classes = tallies.map((tally) => tally.classes);
  return {
    correct: sum(({ correct }) => correct),
    total: sum(({ total }) => total),
    lossSum: sum(({ lossSum }) => lossSum),
    classes: classes.reduce(addClasses, { correct: [], total: [] }),
    correctness: join(
      (length) => new Uint8Array(length),
      tallies.map(({ correctness }) => correctness),
    ),
    rowLosses: join(
      (length) => new Float64Array(length),
      tallies.map(({ rowLosses }) => rowLosses),
    ),
  };
}

function join<Values extends Uint8Array | Float64Array>(make: (length: number) => Values, parts: readonly Values[]) {
  const joined = make(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Null where either has too many to be counted. */
export function addClasses(a: ClassCounts | null | undefined, b: ClassCounts | null | undefined): ClassCounts | null {
  if (!a || !b) return null;
  const add = (x: readonly number[], y: readonly number[]) =>
    Array.from({ length: Math.max(x.length, y.length) }, (_, n) => (x[n] ?? 0) + (y[n] ?? 0));
  return { correct: add(a.correct, b.correct), total: add(a.total, b.total) };
}

const zeros = (length: number): number[] => new Array<number>(length).fill(0);

function countedClasses({ task }: Scoring, width: number): number | null {
  if (task === "regression") return null;
  const classes = task === "binary" ? 2 : width;
  return classes > MAX_COUNTED_CLASSES ? null : classes;
}

type Judged = { correct: boolean; loss: number };
/** Null for an item that is not asked. */
type Judge = (item: number) => Judged | null;

function judgeOf(scoring: Scoring, batch: Batch, classes: ClassCounts | null): Judge {
  switch (scoring.task) {
    case "classification":
      return classificationJudge(batch, scoring.ignoreIndex, classes);
    case "binary":
      return binaryJudge(batch, logit(scoring.threshold), classes);
    case "multilabel":
      return multilabelJudge(batch, logit(scoring.threshold), classes);
    case "regression":
      return regressionJudge(batch, scoring);
  }
}

function count(classes: ClassCounts | null, index: number, correct: boolean): void {
  if (!classes) return;
  classes.total[index] = (classes.total[index] ?? 0) + 1;
  if (correct) classes.correct[index] = (classes.correct[index] ?? 0) + 1;
}

const isMasked = (mask: Batch["mask"], index: number): boolean => mask !== null && mask[index] === 0;

function classificationJudge(
  { outputs, targets, width, mask }: Batch,
  ignoreIndex: number | null,
  classes: ClassCounts | null,
): Judge {
  return (item) => {
    const target = targets[item] ?? Number.NaN;
    if (target === ignoreIndex || isMasked(mask, item)) return null;
    const start = item * width;
    let best = 0;
    let highest = outputs[start] ?? Number.NaN;
    let numbers = !Number.isNaN(highest);
    for (let column = 1; column < width; column += 1) {
      const value = outputs[start + column] ?? Number.NaN;
      if (Number.isNaN(value)) numbers = false;
      if (value > highest) {
        highest = value;
        best = column;
      }
    }
    // Log-sum-exp around the highest logit, so that large logits do not overflow.
    let sum = 0;
    for (let column = 0; column < width; column += 1) sum += Math.exp((outputs[start + column] ?? 0) - highest);
    const correct = numbers && best === target;
    count(classes, target, correct);
    return { correct, loss: Math.log(sum) + highest - (outputs[start + target] ?? Number.NaN) };
  };
}

function binaryJudge({ outputs, targets, mask }: Batch, threshold: number, classes: ClassCounts | null): Judge {
  return (item) => {
    if (isMasked(mask, item)) return null;
    const [output, target] = [outputs[item] ?? Number.NaN, targets[item] ?? Number.NaN];
    const correct = isRight(output, target, threshold);
    count(classes, target, correct);
    return { correct, loss: crossEntropy(output, target) };
  };
}

function multilabelJudge(
  { outputs, targets, width, mask }: Batch,
  threshold: number,
  classes: ClassCounts | null,
): Judge {
  return (item) => {
    let [asked, right, loss] = [0, 0, 0];
    for (let label = 0; label < width; label += 1) {
      const index = item * width + label;
      if (isMasked(mask, index)) continue;
      const [output, target] = [outputs[index] ?? Number.NaN, targets[index] ?? Number.NaN];
      const correct = isRight(output, target, threshold);
      count(classes, label, correct);
      asked += 1;
      if (correct) right += 1;
      loss += crossEntropy(output, target);
    }
    return asked === 0 ? null : { correct: right === asked, loss: loss / asked };
  };
}

function regressionJudge(
  { outputs, targets, mask }: Batch,
  scoring: { tolerance: number; relativeTolerance: number },
): Judge {
  return (item) => {
    if (isMasked(mask, item)) return null;
    const target = targets[item] ?? Number.NaN;
    const error = (outputs[item] ?? Number.NaN) - target;
    return { correct: Math.abs(error) <= halfWidth(scoring, target), loss: error * error };
  };
}

/** How far an answer may be from a target and count as right. */
export function halfWidth(
  { tolerance, relativeTolerance }: { tolerance: number; relativeTolerance: number },
  target: number,
): number {
  return Math.max(tolerance, relativeTolerance * Math.abs(target));
}

const logit = (probability: number): number => Math.log(probability / (1 - probability));

/** A NaN is on neither side. */
const isRight = (output: number, target: number, threshold: number): boolean =>
  target === 1 ? output >= threshold : output < threshold;

/** Of a logit against 0 or 1, in nats: the softplus is taken around the larger side, so that it does not overflow. */
const crossEntropy = (output: number, target: number): number =>
  Math.max(output, 0) - output * target + Math.log1p(Math.exp(-Math.abs(output)));
