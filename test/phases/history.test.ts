import { expect, test } from "vitest";
import { HistoryError, parseHistory } from "../../src/cli/history.ts";

const HEAD = "step,train_accuracy,train_total,ood:shift_correct,ood:shift_total,weight_norm,epoch";
const csv = `${HEAD}\n0,0.5,100,3,200,40.5,x\n50,1.0,100,,,,x\n100,,,,,,x`;

const points = [
  {
    step: 0,
    weightNorm: 40.5,
    splits: { train: { correct: 50, total: 100, loss: null }, "ood:shift": { correct: 3, total: 200, loss: null } },
  },
  { step: 50, weightNorm: null, splits: { train: { correct: 100, total: 100, loss: null } } },
];

const quotedHead = HEAD.split(",")
  .map((name) => `"${name}"`)
  .join(",");

test.each([
  { name: "CSV, with empty cells and columns of no concern", text: csv },
  { name: "CSV as Windows writes it", text: `\uFEFF${csv.replaceAll("\n", "\r\n")}\r\n` },
  { name: "CSV with quotes", text: csv.replace(HEAD, quotedHead) },
  {
    name: "JSONL by columns",
    text: [
      '{"step":0,"train_accuracy":0.5,"train_total":100,"ood:shift_correct":3,"ood:shift_total":200,"weight_norm":40.5}',
      '{"step":50,"train_accuracy":1,"train_total":100}',
      '{"step":100}',
    ].join("\n"),
  },
  {
    name: "the points of a trajectory document, a line each",
    text: points.map((point) => JSON.stringify(point)).join("\n"),
  },
])("read: $name", ({ text }) => {
  expect(parseHistory(text)).toEqual(points);
});

test.each([
  {
    name: "an accuracy that is NaN",
    text: `${HEAD}\n0,nan,100,3,200,40,x`,
    want: "line 2 (row 1), column train_accuracy",
  },
  { name: "a percentage", text: `${HEAD}\n0,98.5,100,3,200,40,x`, want: "expected a fraction between 0 and 1" },
  { name: "a negative total", text: `${HEAD}\n0,1,-100,3,200,40,x`, want: "column train_total: expected a whole" },
  {
    name: "a total left out",
    text: `${HEAD}\n0,1,,3,200,40,x`,
    want: "column train_total: expected a whole number from 1, got nothing",
  },
  { name: "more correct than total", text: `${HEAD}\n0,1,100,201,200,40,x`, want: "column ood:shift_correct" },
  { name: "half an example", text: `${HEAD}\n0,1,100,1.5,200,40,x`, want: "column ood:shift_correct" },
  { name: "an infinite norm", text: `${HEAD}\n0,1,100,3,200,inf,x`, want: "column weight_norm" },
  { name: "a negative norm", text: `${HEAD}\n0,1,100,3,200,-1,x`, want: "column weight_norm" },
  { name: "a number in hexadecimal", text: `${HEAD}\n0x10,1,100,3,200,1,x`, want: "column step" },
  { name: "a missing step", text: `${HEAD}\n,1,100,3,200,40,x`, want: "column step: expected a whole number" },
  { name: "a short row", text: `${HEAD}\n0,1,100`, want: "expected 7 columns as in line 1, found 3" },
  { name: "an open quote", text: `${HEAD}\n"0,1,100,3,200,40,x`, want: "expected quotes" },
  { name: "a column twice", text: "step,step,train_correct,train_total", want: "column step: expected once" },
  { name: "an accuracy without a total", text: "step,train_accuracy\n0,1", want: "expected a column train_total" },
  { name: "a misspelt split", text: "step,test_accuracy,test_total\n0,1,9", want: "line 1, column test_accuracy" },
  { name: "no step column", text: "epoch,train_accuracy,train_total\n0,1,9", want: 'expected a column "step"' },
  { name: "no split", text: "step,loss\n0,1", want: "expected a column <split>_accuracy" },
  { name: "an empty file", text: " \n", want: "the file is empty" },
  { name: "broken JSON", text: '{"step":0}\n{"step":', want: "line 2 (row 2): expected one whole JSON object" },
  { name: "a JSON list", text: '{"step":0}\n[1]', want: "line 2 (row 2): expected a JSON object" },
])("refused: $name", ({ text, want }) => {
  expect(() => parseHistory(text)).toThrow(HistoryError);
  expect(() => parseHistory(text)).toThrow(want);
});
