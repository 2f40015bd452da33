import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkReport, parseReport, readReport } from "../../src/services/evaluation/read-report.ts";

const SPLITS = ["train", "validation", "ood:hard"];
const mapping = (tasks: Record<string, string> = {}, metric: string | null = null) => ({
  tasks: new Map(Object.entries(tasks)),
  metric,
  splits: SPLITS,
});
const at = (correct: number, total: number, loss: number | null = null) => ({ correct, total, loss });

/** As lm-evaluation-harness 0.4 writes it, without what is not read. */
const harness = {
  results: {
    train: { alias: "train", "acc,none": 0.975, "acc_stderr,none": 0.01, "acc_norm,none": 0.5 },
    validation: { alias: "validation", "acc,none": 0.3333, "acc_stderr,none": 0.05 },
    ood_hard: { alias: "ood_hard", "exact_match,strict-match": 0.25, "exact_match,flexible-extract": 0.5 },
    other: { alias: "other", "word_perplexity,none": 11.2 },
  },
  "n-samples": {
    train: { original: 2000, effective: 200 },
    validation: { original: 90, effective: 90 },
    ood_hard: { original: 40, effective: 40 },
  },
  higher_is_better: { train: { acc: true } },
  config: { model: "hf" },
};

/** As Inspect AI writes it, without what is not read. */
const inspect = (task: string, accuracy: number, changes: object = {}) => ({
  version: 2,
  status: "success",
  eval: { task, dataset: { samples: 50 }, config: { epochs: 1 } },
  results: {
    total_samples: 50,
    completed_samples: 50,
    scores: [{ name: "match", scorer: "match", metrics: { accuracy: { name: "accuracy", value: accuracy } } }],
  },
  ...changes,
});

test("counts are read as they are", () => {
  const splits = { train: at(9, 10, 0.1), "ood:hard": { correct: 0, total: 7 } };
  expect(readReport({ splits }, mapping())).toEqual({
    source: "counts",
    splits: { train: at(9, 10, 0.1), "ood:hard": at(0, 7) },
  });
});

test("a results file of lm-evaluation-harness: accuracies are counts of the effective samples", () => {
  const own = { ...harness, results: { ...harness.results, ood_hard: { "exact_match,none": 0.25 } } };
  expect(readReport(own, mapping())).toEqual({
    source: "lm-evaluation-harness",
    splits: { train: at(195, 200), validation: at(30, 90), "ood:hard": at(10, 40) },
  });
});

test("a task counts for the split that it is mapped to, a metric is read with its filter", () => {
  const { splits } = readReport(
    { results: { gsm8k: harness.results.ood_hard }, "n-samples": { gsm8k: { effective: 40 } } },
    mapping({ gsm8k: "ood:hard" }, "exact_match,flexible-extract"),
  );
  expect(splits).toEqual({ "ood:hard": at(20, 40) });
});

test("logs of Inspect AI: one for each split, by the task's name without its package", () => {
  expect(readReport([inspect("pkg/train", 0.98), inspect("ood_hard", 0.1)], mapping())).toEqual({
    source: "inspect-ai",
    splits: { train: at(49, 50), "ood:hard": at(5, 50) },
  });
  expect(readReport(inspect("gpqa", 0.5), mapping({ gpqa: "ood:hard" }))).toMatchObject({
    splits: { "ood:hard": at(25, 50) },
  });
});

const fixture = (name: string) => readFileSync(join(import.meta.dirname, "../fixtures/exports", name), "utf8");
const readFixture = (name: string, tasks: Record<string, string> = {}, metric: string | null = null) =>
  readReport(parseReport(fixture(name)), mapping(tasks, metric)).splits;

test("a file as the harness writes it: NaN, groups by their tasks, tasks of no concern", () => {
  const splits = { train: at(119, 120), validation: at(30, 120), "ood:hard": at(23, 120) };
  expect(readFixture("harness-results.json", { shifted: "ood:hard" })).toEqual(splits);
  // One task of the group alone.
  expect(readFixture("harness-results.json", { shifted_mirrored: "ood:hard" })).toMatchObject({
    "ood:hard": at(6, 40),
  });
  expect(readFixture("harness-0.4.3.json", { sums: "ood:hard" }, "exact_match,strict-match")).toEqual({
    "ood:hard": at(27, 120),
  });
  expect(readFixture("harness-0.4.3.json", { sums: "ood:hard" }, "exact_match,flexible-extract")).toEqual({
    "ood:hard": at(40, 120),
  });
});

test("several files of the harness are one report", () => {
  const file = (task: string, acc: number) => ({ results: { [task]: { "acc,none": acc, sample_len: 10 } } });
  expect(readReport([file("train", 1), file("ood_hard", 0.2)], mapping())).toEqual({
    source: "lm-evaluation-harness",
    splits: { train: at(10, 10), "ood:hard": at(2, 10) },
  });
});

test("the count behind a metric is the nearest that is written to it", () => {
  const task = { "acc,none": 0.5, sample_len: 4, sample_count: { "acc,none": 8 } };
  const file = (results: object) => ({ results: { train: results }, "n-samples": { train: { effective: 6 } } });
  expect(readReport(file(task), mapping()).splits).toEqual({ train: at(4, 8) });
  expect(readReport(file({ ...task, sample_count: undefined }), mapping()).splits).toEqual({ train: at(3, 6) });
});

test("a group within itself is the tasks in it, each once", () => {
  const file = {
    results: { a: { "acc,none": 1 }, b: { "acc,none": 0.5 } },
    group_subtasks: { all: ["a", "inner", "all"], inner: ["b", "a", "all"] },
    "n-samples": { a: { effective: 3 }, b: { effective: 4 } },
  };
  expect(readReport(file, mapping({ all: "train" })).splits).toEqual({ train: at(5, 7) });
});

test("a log as Inspect writes it: of the samples that were scored", () => {
  const log = parseReport(fixture("inspect-log.json").replace("ood_shift", "ood_hard"));
  expect(readReport(log, mapping())).toEqual({ source: "inspect-ai", splits: { "ood:hard": at(23, 120) } });
});

test.each([
  { name: "an .eval log", text: "PK\u0003\u0004\u0014", says: "inspect log dump" },
  { name: "a gzip file", text: "\u001f\ufffd\b", says: "unpack it first" },
  { name: "samples, line by line", text: '{"doc_id": 0}\n{"doc_id": 1}', says: "not one JSON document" },
  { name: "nothing", text: "", says: "not one JSON document" },
])("$name is no report, and what to send is said", ({ text, says }) => {
  expect(() => parseReport(text)).toThrow(says);
});

test("quotes that do not close cost what their length is, and not its square", () => {
  expect(() => parseReport(`NaN "${'\\"'.repeat(500_000)}`)).toThrow("not one JSON document");
});

const two = inspect("train", 1).results.scores[0];
test.each<{ name: string; body: unknown; says: string; tasks?: Record<string, string>; metric?: string }>([
  { name: "nothing known", body: { accuracy: 1 }, says: "none of" },
  { name: "a list of nothing", body: [], says: "none of" },
  { name: "more right than asked", body: { splits: { train: at(3, 2) } }, says: "3 correct of 2" },
  { name: "half an answer", body: { splits: { train: at(0.5, 2) } }, says: '"correct" of "train"' },
  { name: "no total", body: { splits: { train: { correct: 1 } } }, says: '"total" of "train"' },
  { name: "a loss that is text", body: { splits: { train: { ...at(1, 2), loss: "0.1" } } }, says: '"loss"' },
  { name: "two filters", body: harness, says: "strict-match and exact_match,flexible-extract" },
  { name: "a metric that is not there", body: harness, metric: "f1", says: "has no f1" },
  { name: "a task that is not there", body: harness, tasks: { mmlu: "train" }, says: 'no task "mmlu"' },
  { name: "no task for any split", body: { results: { mmlu: {} } }, says: "map=TASK=SPLIT" },
  { name: "no samples", body: { results: { train: { "acc,none": 1 } } }, says: "n-samples.train" },
  {
    name: "an average that is no share",
    body: { results: { train: { "acc,none": 0.123 } }, "n-samples": { train: { effective: 10 } } },
    says: "no share of 10",
  },
  {
    name: "two tasks for a split",
    body: {
      results: { train: { "acc,none": 1 }, arc: { "acc,none": 0.5 } },
      "n-samples": { train: { effective: 10 }, arc: { effective: 10 } },
    },
    tasks: { arc: "train" },
    says: "Two tasks",
  },
  {
    name: "an average of many scores that no count gives",
    body: { results: { train: { "acc,none": 0.73125006, sample_len: 100_000 } } },
    says: "no share of 100000",
  },
  {
    name: "an accuracy that is no number",
    body: { results: { train: { "acc,none": "NaN", sample_len: 10 } } },
    says: '"acc,none" of "results.train" must be a fraction from 0 to 1, got "NaN"',
  },
  {
    name: "a group whose task is missing",
    body: { results: { a: { "acc,none": 1, sample_len: 1 } }, group_subtasks: { both: ["a", "b"] } },
    tasks: { both: "train" },
    says: '"results" has no "b"',
  },
  {
    name: "a map to a split that is none",
    body: { results: { a: { "acc,none": 1, sample_len: 1 } } },
    tasks: { a: "constructor" },
    says: 'no split "constructor"',
  },
  {
    name: "a group of groups alone",
    body: { results: {}, group_subtasks: { a: ["b"], b: ["a"] } },
    tasks: { a: "train" },
    says: 'group "a" has no tasks',
  },
  { name: "a log that was invalidated", body: inspect("train", 1, { invalidated: true }), says: "invalidated" },
  { name: "a log without a status", body: inspect("train", 1, { status: undefined }), says: "status" },
  { name: "another metric than is there", body: inspect("train", 1), metric: "mean", says: "It has match/accuracy" },
  { name: "a run that failed", body: inspect("train", 1, { status: "error" }), says: '"error"' },
  {
    name: "several epochs",
    body: inspect("train", 1, { eval: { task: "train", config: { epochs: 4 } } }),
    says: "4 epochs",
  },
  {
    name: "two scorers",
    body: inspect("train", 1, { results: { completed_samples: 50, scores: [two, { ...two, name: "model_graded" }] } }),
    says: "match/accuracy, model_graded/accuracy",
  },
])("$name is refused, and says where", ({ body, says, tasks = {}, metric = null }) => {
  expect(() => readReport(body, mapping(tasks, metric))).toThrow(says);
});

const SUITE = SPLITS.map((name) => ({ name, total: 10 }));
test.each([
  { name: "a split too few", splits: { train: at(1, 10), validation: at(1, 10) }, says: '"ood:hard" is missing' },
  { name: "a split that is none", splits: { "ood:easy": at(1, 10) }, says: 'no split "ood:easy"' },
  {
    name: "other examples",
    splits: { train: at(1, 10), validation: at(1, 10), "ood:hard": at(1, 9) },
    says: "asks 10 and 9 were reported",
  },
])("a report with $name is not of this suite", ({ splits, says }) => {
  expect(() => checkReport({ source: "counts", splits }, SUITE)).toThrow(says);
});
