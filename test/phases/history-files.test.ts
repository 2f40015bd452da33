import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HistoryError, type HistoryOptions, readHistory } from "../../src/history/history.ts";

// Whole files in the shape in which the tools write them: test/fixtures/exports says which.

const fixture = (name: string) => readFileSync(join(import.meta.dirname, "../fixtures/exports", name), "utf8");
const totals = new Map(["train", "validation", "ood:shift"].map((split) => [split, 120]));

const accuracies = (train: string, validation: string, ood: string) =>
  new Map([
    [train, "train_accuracy"],
    [validation, "validation_accuracy"],
    [ood, "ood:shift_accuracy"],
  ]);
const HISTORY: [string, string][] = [
  ["trainer/global_step", "step"],
  ["train/loss", "train_loss"],
];

/** What all of the files say, each in its own words. */
function points({ loss = [null, null], norms = [null, null] }: { loss?: unknown[]; norms?: unknown[] } = {}) {
  const counts = [
    [12, 12, 12],
    [119, 30, 10],
  ];
  return counts.map(([train, validation, ood], n) => ({
    step: n * 100,
    weightNorm: norms[n],
    splits: {
      train: { correct: train, total: 120, loss: loss[n] },
      validation: { correct: validation, total: 120, loss: null },
      "ood:shift": { correct: ood, total: 120, loss: null },
    },
  }));
}

test.each<{ file: string; map: ReadonlyMap<string, string>; wanted: object[]; warns?: RegExp[] }>([
  {
    file: "wandb-chart.csv",
    map: new Map([["Step", "step"], ...accuracies("train/acc", "val/acc, held out", "ood/acc")]),
    wanted: points(),
  },
  {
    file: "wandb-history.csv",
    map: new Map([...HISTORY, ["optim/weight_norm", "weight_norm"], ...accuracies("train/acc", "val/acc", "ood/acc")]),
    wanted: points({ loss: [2.25, 0.031], norms: [41.5, 52.25] }),
  },
  {
    file: "wandb-history.jsonl",
    map: new Map([...HISTORY, ...accuracies("train/acc", "val/acc", "ood/acc")]),
    wanted: points(),
    warns: [/^column train\/loss: 2 cells are not finite, taken as not measured/],
  },
  { file: "mlflow-chart.csv", map: accuracies("train_acc", "val_acc", "ood_acc"), wanted: points() },
  { file: "mlflow-history.json", map: accuracies("train_acc", "val_acc", "ood_acc"), wanted: points() },
])("$file", ({ file, map, wanted, warns = [] }) => {
  const { points: read, warnings } = readHistory([{ name: file, text: fixture(file) }], { map, totals });
  expect(read).toEqual(wanted);
  expect(warnings).toEqual(warns.map((warning) => expect.stringMatching(warning)));
});

const read = (text: string, options: HistoryOptions = {}, name = "") => readHistory([{ name, text }], options);

test("a page of a metric's history is said to be no more than that", () => {
  const document = JSON.parse(fixture("mlflow-history.json"));
  const map = accuracies("train_acc", "val_acc", "ood_acc");
  const { warnings } = read(JSON.stringify({ ...document, next_page_token: "NTA=" }), { map, totals });
  expect(warnings).toEqual(['one page of a metric\'s history ("next_page_token" is set): give all of them as files']);
});

test.each([
  {
    name: "a search of runs",
    text: '{"runs": [{"info": {"run_id": "5c"}, "data": {"metrics": []}}]}',
    says: "last value",
  },
  { name: "a run", text: '{"run": {"info": {"run_id": "5c"}, "data": {"metrics": []}}}', says: "metrics/get-history" },
  {
    name: "a table of runs",
    text: "run_id,status,metrics.val_acc\n5c,FINISHED,0.9",
    says: "export the history of one",
  },
  {
    name: "a metric's file without a name",
    text: "1770000000500 0.1 0\n1770000002500 0.9 100",
    says: "which metric it is",
  },
  { name: "a spreadsheet", text: "PK\u0003\u0004\u0014", says: "a ZIP file" },
  { name: "W&B's history artifact", text: "PAR1\u0015\u0004", says: "a Parquet file: write it as CSV" },
  { name: "a gzip file", text: "\u001f\ufffd\b", says: "unpack it first" },
  { name: "MLflow's database", text: "SQLite format 3\u0000", says: "export its table of metrics" },
  { name: "UTF-16", text: "\ufffd\ufffds\u0000t\u0000e\u0000p\u0000", says: "save it as UTF-8" },
])("$name is refused, and what to send is said", ({ text, says }) => {
  expect(() => read(text)).toThrow(HistoryError);
  expect(() => read(text)).toThrow(says);
});

const row = (step: number) => `${step},1,2`;
const csv = (steps: number) =>
  ["step,train_correct,train_total", ...Array.from({ length: steps }, (_, n) => row(n))].join("\n");

test("what is beyond the bounds that it is read within is refused, where it begins", () => {
  const bounds = { steps: 4, values: 100, document: 1000 };
  expect(read(csv(4), { bounds }).points).toHaveLength(4);
  expect(() => read(csv(5), { bounds })).toThrow("line 6 (row 5): expected at most 4 steps at once");
  expect(read(`${csv(4)}\n${row(3)}`, { bounds }).points).toHaveLength(4);
  expect(() => read(csv(4), { bounds: { ...bounds, values: 7 } })).toThrow("line 5 (row 4): expected at most 7 values");
  const rows = [0, 1, 2, 3].map((step) => ({ step, train_correct: 1, train_total: 2, note: "x".repeat(280) }));
  const lines = rows.map((each) => JSON.stringify(each)).join("\n");
  expect(read(lines, { bounds }).points).toHaveLength(4);
  for (const text of [JSON.stringify(rows), JSON.stringify(rows, null, 1)]) {
    expect(() => read(text, { bounds })).toThrow("a JSON document of at most 1000 characters");
    expect(read(text).points).toHaveLength(4);
  }
  const long = JSON.stringify({ ...rows[0], note: "x".repeat(1000) });
  expect(() => read(`${lines}\n${long}`, { bounds })).toThrow("line 5 (row 5): expected at most 1000 characters");
});

const numbered = (count: number, of: (n: number) => string) => Array.from({ length: count }, (_, n) => of(n));

test.each([
  { name: "columns", text: `step${",a".repeat(20_000)}\n1` },
  { name: "columns in quotes", text: `step${',"a"'.repeat(20_000)}\n1` },
  { name: "sets of columns", text: numbered(10_001, (n) => `{"step": 1, "a${n}": 1}`).join("\n") },
  { name: "metrics", text: `key,value,step\n${numbered(10_001, (n) => `m${n},1,1`).join("\n")}` },
])("more different $name than any history has are refused", ({ text }) => {
  expect(() => read(text)).toThrow(/expected at most 10000/);
});
