import { expect, test } from "vitest";
import { type Batch, joinTallies, type Scoring, scoreBatch } from "../../src/evaluation/metrics.ts";

const CLASSES: Scoring = { task: "classification", ignoreIndex: null };
const BINARY: Scoring = { task: "binary", threshold: 0.5 };
const LABELS: Scoring = { task: "multilabel", threshold: 0.5 };
const NUMBERS: Scoring = { task: "regression", tolerance: 0.5, relativeTolerance: 0.1 };
const batch = (rows: number, outputs: number[], targets: number[], width = 1, mask: number[] | null = null): Batch => ({
  rows,
  outputs,
  targets,
  width,
  mask,
});
const LN2 = Math.log(2);
const LN3 = Math.log(3);

// Worked by hand: logits of ln 3 and 0 are probabilities of 3/4 and 1/4, a logit of 0 is one of 1/2.
test.each([
  {
    name: "classes: argmax, cross-entropy in nats, counts by class of the target",
    scoring: CLASSES,
    given: batch(3, [LN3, 0, 0, LN3, LN3, 0], [0, 1, 1], 2),
    want: { correct: 2, total: 3, losses: [Math.log(4 / 3), Math.log(4 / 3), Math.log(4)], right: [1, 1, 0] },
    classes: { correct: [1, 1], total: [1, 2] },
  },
  {
    name: "equal logits: the lowest class",
    scoring: CLASSES,
    given: batch(2, [0, 0, 0, 0], [0, 1], 2),
    want: { correct: 1, total: 2, losses: [LN2, LN2], right: [1, 0] },
    classes: { correct: [1, 0], total: [1, 1] },
  },
  {
    name: "logits too large to be exponentiated",
    scoring: CLASSES,
    given: batch(1, [1000, 1000], [0], 2),
    want: { correct: 1, total: 1, losses: [LN2], right: [1] },
    classes: { correct: [1, 0], total: [1, 0] },
  },
  {
    name: "tokens: a row of two, the ignored one neither right nor wrong",
    scoring: { task: "classification", ignoreIndex: -100 } as const,
    given: batch(2, [LN3, 0, 0, 0, 0, LN3, LN3, 0], [0, -100, 1, 1], 2),
    want: { correct: 2, total: 3, losses: [Math.log(4 / 3), Math.log(4 / 3) + Math.log(4)], right: [1, 0, 1, 0] },
    classes: { correct: [1, 1], total: [1, 2] },
  },
  {
    name: "tokens: the masked one too",
    scoring: CLASSES,
    given: batch(1, [LN3, 0, 0, LN3], [0, 1], 2, [0, 1]),
    want: { correct: 1, total: 1, losses: [Math.log(4 / 3)], right: [0, 1] },
    classes: { correct: [0, 1], total: [0, 1] },
  },
  {
    name: "binary: a logit from 0 on is a 1",
    scoring: BINARY,
    given: batch(4, [LN3, LN3, 0, -LN3], [1, 0, 1, 0]),
    want: { correct: 3, total: 4, losses: [Math.log(4 / 3), Math.log(4), LN2, Math.log(4 / 3)], right: [1, 0, 1, 1] },
    classes: { correct: [1, 2], total: [2, 2] },
  },
  {
    name: "binary: a threshold of .8 asks for more than ln 3",
    scoring: { task: "binary", threshold: 0.8 } as const,
    given: batch(2, [LN3, Math.log(5)], [1, 1]),
    want: { correct: 1, total: 2, losses: [Math.log(4 / 3), Math.log(6 / 5)], right: [0, 1] },
    classes: { correct: [0, 1], total: [0, 2] },
  },
  {
    name: "binary: logits too large to be exponentiated",
    scoring: BINARY,
    given: batch(2, [1000, -1000], [1, 1]),
    want: { correct: 1, total: 2, losses: [0, 1000], right: [1, 0] },
    classes: { correct: [0, 1], total: [0, 2] },
  },
  {
    name: "labels: right when all are, loss the mean over them",
    scoring: LABELS,
    given: batch(2, [LN3, -LN3, LN3, LN3], [1, 0, 1, 0], 2),
    want: { correct: 1, total: 2, losses: [Math.log(4 / 3), (Math.log(4 / 3) + Math.log(4)) / 2], right: [1, 0] },
    classes: { correct: [2, 1], total: [2, 2] },
  },
  {
    name: "labels: one that is masked counts for nothing, nor does an item without any",
    scoring: LABELS,
    given: batch(2, [LN3, LN3, LN3, LN3], [1, 0, 1, 1], 2, [1, 0, 0, 0]),
    want: { correct: 1, total: 1, losses: [Math.log(4 / 3), 0], right: [1, 0] },
    classes: { correct: [1, 0], total: [1, 0] },
  },
  {
    name: "numbers: within the wider of both tolerances, ends included; loss the squared error",
    scoring: NUMBERS,
    given: batch(4, [1.5, 1.75, 22, 18], [1, 1, 20, 20.25]),
    want: { correct: 2, total: 4, losses: [0.25, 0.5625, 4, 5.0625], right: [1, 0, 1, 0] },
    classes: null,
  },
  {
    name: "numbers: two to a row",
    scoring: NUMBERS,
    given: batch(2, [1, 2, 3, 4], [1, 3, 3, 4], 1, [1, 1, 0, 1]),
    want: { correct: 2, total: 3, losses: [1, 0], right: [1, 0, 0, 1] },
    classes: null,
  },
])("$name", ({ scoring, given, want, classes }) => {
  const tally = scoreBatch(scoring, given);
  expect(tally).toMatchObject({ correct: want.correct, total: want.total, classes });
  expect(Array.from(tally.correctness)).toEqual(want.right);
  expect(tally.rowLosses.length).toBe(want.losses.length);
  want.losses.forEach((loss, n) => {
    expect(tally.rowLosses[n]).toBeCloseTo(loss, 12);
  });
  expect(tally.lossSum).toBeCloseTo(
    want.losses.reduce((a, b) => a + b, 0),
    12,
  );
});

test.each([CLASSES, BINARY, LABELS, NUMBERS])(
  "$task: an answer that is no number is wrong, and has no loss",
  (scoring) => {
    const tally = scoreBatch(scoring, batch(1, [Number.NaN, 0], [0, 0], 2));
    expect(tally.correctness[0]).toBe(0);
    expect(tally.lossSum).toBeNaN();
  },
);

test("batches add up to what they are together, whatever classes each of them has", () => {
  const outputs = [LN3, 0, 0, 0, LN3, 0, 0, 0, LN3, LN3, 0, 0];
  const targets = [0, 1, 2, 1];
  const whole = scoreBatch(CLASSES, batch(4, outputs, targets, 3));
  const parts = [0, 1, 2, 3].map((n) =>
    scoreBatch(CLASSES, batch(1, outputs.slice(3 * n, 3 * n + 3), targets.slice(n, n + 1), 3)),
  );
  expect(joinTallies(parts)).toEqual(whole);
});

test("the classes of a vocabulary are not counted one by one", () => {
  const vocabulary = 300;
  expect(scoreBatch(CLASSES, batch(1, new Array(vocabulary).fill(0), [0], vocabulary)).classes).toBeNull();
});
