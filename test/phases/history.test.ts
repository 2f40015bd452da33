import { expect, test } from "vitest";
import { HistoryError, parseHistory, readHistory } from "../../src/history/history.ts";

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
  { name: "CSV with line breaks and delimiters in a cell of no concern", text: csv.replaceAll("x", '"a ""b"",\n\nc"') },
  { name: "semicolons", text: csv.replaceAll(",", ";") },
  { name: "tabs", text: csv.replaceAll(",", "\t") },
  { name: "semicolons beside a quoted comma", text: csv.replaceAll(",", ";").replace("epoch", '"a,b,c,d,e,f,g,h"') },
  { name: "rows out of order", text: `${HEAD}\n50,1.0,100,,,,x\n100,,,,,,x\n0,0.5,100,3,200,40.5,x` },
  { name: "repeats that agree", text: `${csv}\n0,0.50,100,3,200,40.5,y\n\n50,1,100,,,,z` },
  {
    name: "a step's results in several rows",
    text: `${HEAD}\n0,0.5,100,,,,\n50,1.0,100,,,,\n0,,,3,200,,\n0,,,,,40.5,\n50.0,,,,,,`,
  },
  {
    name: "JSONL by columns",
    text: [
      '{"step":0,"train_accuracy":0.5,"train_total":100,"ood:shift_correct":3,"ood:shift_total":200,"weight_norm":40.5}',
      '{"step":50,"train_accuracy":1,"train_total":100,"weight_norm":null}',
      '{"step":100}',
    ].join("\n"),
  },
  {
    name: "the points of a trajectory document, a line each",
    text: points.map((point) => JSON.stringify(point)).join("\n"),
  },
  { name: "a trajectory document", text: JSON.stringify({ suite: null, points, next: null }, null, 2) },
  { name: "a trajectory document on one line", text: JSON.stringify({ points }) },
  { name: "a list of rows", text: JSON.stringify(points) },
])("read: $name", ({ text }) => {
  expect(parseHistory(text)).toEqual(points);
});

test("files of one run are joined by step", () => {
  const train = { name: "train.csv", text: "step,train_accuracy,train_total\n0,0.5,100\n50,1,100" };
  const ood = { name: "ood.jsonl", text: '{"step":0,"ood:shift_correct":3,"ood:shift_total":200,"weight_norm":40.5}' };
  expect(readHistory([train, ood])).toEqual({ points, warnings: [] });
  const other = { name: "other.csv", text: "step,train_correct,train_accuracy\n\n50,,0.9" };
  expect(() => readHistory([train, other])).toThrow(
    "other.csv: line 3 (row 1), column train_accuracy: expected 1 as step 50 has in train.csv: line 3 (row 2), got 0.9",
  );
});

test("a page of a trajectory is said to be no more than that", () => {
  const pages = [points[0], points[1]].map((point, i) => ({
    name: `${i}.json`,
    text: JSON.stringify({ points: [point], next: i === 0 ? "crs_1" : null }),
  }));
  expect(readHistory(pages)).toEqual({
    points,
    warnings: ['0.json: one page of a trajectory ("next" is set): give all of them as files'],
  });
});

test("layers, by columns and nested", () => {
  const layers = {
    "blocks.0.mlp": { norm: 3.5, effectiveRank: 12, alpha: null },
    a_norm: { norm: null, effectiveRank: null, alpha: 2.5 },
  };
  const table =
    "step,train_correct,train_total,layer:blocks.0.mlp_norm,layer:blocks.0.mlp_effective_rank,layer:a_norm_alpha";
  const [point] = parseHistory(`${table}\n5,1,2,3.5,12,2.5`);
  expect(point).toEqual({ step: 5, weightNorm: null, splits: { train: { correct: 1, total: 2, loss: null } }, layers });
  expect(parseHistory(JSON.stringify(point))).toEqual([point]);
});

test("columns of other names are mapped, and take the place of a column that has the name", () => {
  const text = "step,_step,val=acc,n,‖w‖\n7,50,0.25,8,3";
  const map = new Map([
    ["_step", "step"],
    ["val=acc", "validation_accuracy"],
    ["n", "validation_total"],
    ["‖w‖", "weight_norm"],
  ]);
  const expected = { step: 50, weightNorm: 3, splits: { validation: { correct: 2, total: 8, loss: null } } };
  expect(readHistory([{ name: "", text }], { map })).toEqual({ points: [expected], warnings: [] });
});

test("percentages, totals and marks of missing cells are as the options say", () => {
  const text = "step,train_accuracy,train_total,validation_accuracy\n0,50,,NaN\n1,100.0,,0.5\n2,75,400,NA";
  const read = (totals: [string, number][], missing: string[]) =>
    readHistory([{ name: "", text }], { percent: true, totals: new Map(totals), missing: new Set(missing) }).points;
  const splits = (train: number, validation?: number) => ({
    train: { correct: train, total: 400, loss: null },
    ...(validation !== undefined && { validation: { correct: validation, total: 200, loss: null } }),
  });
  const totals: [string, number][] = [
    ["train", 400],
    ["validation", 200],
  ];
  expect(read(totals, ["NaN", "NA"]).map((point) => point.splits)).toEqual([splits(200), splits(400, 1), splits(300)]);
  const fractions = { name: "", text: "step,train_accuracy\n0,0.5" };
  expect(readHistory([fractions], { percent: true, totals: new Map([["train", 400]]) }).warnings).toEqual([
    "--percent: no accuracy is above 0.5 per cent; fractions are read without it",
  ]);
  expect(() => read(totals, ["NA"])).toThrow("line 2 (row 1), column validation_accuracy: expected a finite number");
  expect(() =>
    read(
      [
        ["train", 300],
        ["validation", 200],
      ],
      ["NaN", "NA"],
    ),
  ).toThrow("line 4 (row 3), column train_total: expected 300 as --total");
  expect(() => read([["ood", 9], ...totals], ["NaN", "NA"])).toThrow("--total ood: expected a split with results");
});

test("losses and norms that are not finite are reported and not used", () => {
  const text =
    "step,train_correct,train_total,train_loss,weight_norm,layer:a_norm\n0,1,2,NaN,inf,-Infinity\n1,1,2,nan,1,1";
  const { points: read, warnings } = readHistory([{ name: "", text }]);
  expect(read[0]).toMatchObject({ weightNorm: null, splits: { train: { correct: 1, total: 2, loss: null } } });
  expect(read[0]).not.toHaveProperty("layers");
  expect(warnings).toEqual([
    "column train_loss: 2 cells are not finite, taken as not measured (first at line 2 (row 1))",
    "column weight_norm: 1 cell is not finite, taken as not measured (first at line 2 (row 1))",
    "column layer:a_norm: 1 cell is not finite, taken as not measured (first at line 2 (row 1))",
  ]);
});

test("results that no split has are reported", () => {
  const text = `step,train_correct,train_total,test_accuracy,odd:shift_accuracy\n0,1,2,1,1`;
  expect(readHistory([{ name: "", text }]).warnings).toEqual([
    "not read: test_accuracy, odd:shift_accuracy; to read one, say what it is (--map test_accuracy=validation_accuracy)",
  ]);
});

test("totals and losses alone are no result", () => {
  expect(parseHistory("step,train_correct,train_total,train_loss\n0,,100,2.5\n1,5,100,")).toHaveLength(1);
});

const row = (cells: string) => `${HEAD}\n${cells}`;

test.each([
  { name: "an accuracy that is NaN", text: row("0,nan,100,3,200,40,x"), want: "line 2 (row 1), column train_accuracy" },
  { name: "an infinite accuracy", text: row("0,inf,100,3,200,40,x"), want: "column train_accuracy: expected a finite" },
  {
    name: "a count that is NaN",
    text: row("0,1,100,NaN,200,40,x"),
    want: "column ood:shift_correct: expected a finite",
  },
  {
    name: "a percentage",
    text: row("0,98.5,100,3,200,40,x"),
    want: 'between 0 and 1 (if accuracies are percentages, say --percent), got "98.5"',
  },
  { name: "no accuracy at all", text: row("0,-0.5,100,3,200,40,x"), want: "expected a fraction between 0 and 1, got" },
  {
    name: "a negative total",
    text: row("0,1,-100,3,200,40,x"),
    want: 'column train_total: expected a whole number from 1, got "-100"',
  },
  {
    name: "a total of none",
    text: row("0,1,0,3,200,40,x"),
    want: "column train_total: expected a whole number from 1",
  },
  {
    name: "a total left out",
    text: row("0,1,,3,200,40,x"),
    want: "line 2 (row 1), column train_accuracy: expected a column train_total beside it, got nothing at step 0; say how many examples the split has: --total train=N",
  },
  {
    name: "more correct than total",
    text: row("0,1,100,201,200,40,x"),
    want: "line 2 (row 1), column ood:shift_correct: expected at most the total 200, got 201",
  },
  {
    name: "half an example",
    text: row("0,1,100,1.5,200,40,x"),
    want: "column ood:shift_correct: expected a whole number",
  },
  { name: "a negative norm", text: row("0,1,100,3,200,-1,x"), want: "column weight_norm: expected a number from 0" },
  {
    name: "a word",
    text: row("0,good,100,3,200,1,x"),
    want: 'column train_accuracy: expected a number or nothing, got "good"',
  },
  { name: "a decimal comma", text: row('0,"0,5",100,3,200,1,x'), want: 'got "0,5" (the decimal sign is a point)' },
  { name: "a number in hexadecimal", text: row("0x10,1,100,3,200,1,x"), want: "column step: expected a whole number" },
  {
    name: "a step between steps",
    text: row("0.5,1,100,3,200,1,x"),
    want: 'column step: expected a whole number from 0, got "0.5"',
  },
  { name: "a negative step", text: row("-1,1,100,3,200,1,x"), want: "column step: expected a whole number from 0" },
  {
    name: "a step beyond whole numbers",
    text: row("1e300,1,100,3,200,1,x"),
    want: "column step: expected a whole number",
  },
  {
    name: "a missing step",
    text: row(",1,100,3,200,40,x"),
    want: "column step: expected a whole number from 0, got nothing",
  },
  {
    name: "repeats that disagree",
    text: row("5,1,100,3,200,40,x\n\n5,1,100,4,200,40,x"),
    want: "line 4 (row 2), column ood:shift_correct: expected 3 as step 5 has in line 2 (row 1), got 4",
  },
  {
    name: "a count and an accuracy that disagree",
    text: "step,train_accuracy,train_correct,train_total\n0,0.9,50,100",
    want: "column train_accuracy: expected about 50 of 100 as counted, got 0.9",
  },
  {
    name: "a long name",
    text: `step,${"é".repeat(300)}_accuracy\n0,1`,
    want: `found step, "${"é".repeat(200)}…"; try`,
  },
  { name: "a long cell", text: row(`0,${"x".repeat(99)},1,1,1,1,x`), want: `got "${"x".repeat(60)}…"` },
  { name: "a short row", text: row("0,1,100"), want: "line 2 (row 1): expected 7 columns as in line 1, found 3" },
  { name: "an open quote", text: row('"0,1,100,3,200,40,x'), want: "line 2: expected quotes" },
  { name: "a quote within a cell", text: row('0,1,100,3,200,40,5" x'), want: "line 2: expected quotes" },
  { name: "a column twice", text: "step,step,train_correct,train_total\n0,0,1,1", want: "column step: expected once" },
  { name: "an accuracy without a total", text: "step,train_accuracy\n0,1", want: "expected a column train_total" },
  {
    name: "a split of another name",
    text: "step,val_acc,test_accuracy,epoch\n0,1,9,1",
    want: "found step, val_acc, test_accuracy, epoch; try --map val_acc=validation_accuracy",
  },
  {
    name: "no step",
    text: "global_step,train_accuracy,train_total\n0,1,9",
    want: 'expected a column "step", found global_step, train_accuracy, train_total; try --map global_step=step',
  },
  {
    name: "no step, but several that could be",
    text: "epoch,_step,trainer/global_step\n0,1,9",
    want: "try --map trainer/global_step=step",
  },
  {
    name: "a table of runs",
    text: "Run ID,Name,metrics.acc\nab,x,1",
    want: "a table of runs has only their last values",
  },
  {
    name: "no split",
    text: "step,loss\n0,1",
    want: "expected a column <split>_accuracy or <split>_correct, found step, loss",
  },
  { name: "an empty file", text: " \n", want: "the file is empty" },
  { name: "broken JSON", text: '{"step":0}\n{"step":', want: "line 2 (row 2): expected one whole JSON object" },
  { name: "a JSON list", text: '{"step":0}\n[1]', want: "line 2 (row 2): expected a JSON object, got a list" },
  { name: "a list of numbers", text: "[1]", want: "item 1: expected a JSON object, got 1" },
  {
    name: "an object for a number",
    text: '{"step":0,"train_correct":{}}',
    want: "column train_correct: expected a number or nothing, got an object",
  },
  {
    name: "an unknown split of a point",
    text: '{"step":0,"splits":{"test":{}}}',
    want: "column splits.test: expected a split",
  },
  { name: "a layer without a name", text: '{"step":0,"layers":{"":{}}}', want: "column layers: expected a name" },
])("refused: $name", ({ text, want }) => {
  expect(() => parseHistory(text)).toThrow(HistoryError);
  expect(() => parseHistory(text)).toThrow(want);
});

test("refused: a map from a column that is not there", () => {
  const map = new Map([["val/ac", "validation_accuracy"]]);
  const read = () => readHistory([{ name: "a.csv", text: "step,val/acc\n0,1" }], { map });
  expect(read).toThrow("a.csv: --map val/ac=validation_accuracy: expected a column val/ac, found step, val/acc");
});
