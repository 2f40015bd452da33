import { expect, test } from "vitest";
import { checkReport, readReport } from "../../src/services/evaluation/read-report.ts";

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
  { name: "a run that failed", body: inspect("train", 1, { status: "error" }), says: '"error"' },
  {
    name: "several epochs",
    body: inspect("train", 1, { eval: { task: "train", config: { epochs: 4 } } }),
    says: "4 epochs",
  },
  {
    name: "two scorers",
    body: inspect("train", 1, { results: { completed_samples: 50, scores: [two, { ...two, name: "model_graded" }] } }),
    says: "match, model_graded",
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
