import type { SplitCounts } from "../../../database/schema.ts";
import { addSplit, checkTasks, countsOf, isObject, type Mapping, refused, splitFor, wholeFrom } from "./report.ts";

/** What lm-evaluation-harness calls an accuracy, the usual one first. */
const ACCURACIES = ["acc", "exact_match"];

type Fields = Record<string, unknown>;

/**
 * `results_<time>.json` of lm-evaluation-harness 0.4, one or several: `results.<task>` has `<metric>,<filter>`.
 * Without `metric`, `acc` is read, else `exact_match`; a metric with several filters must be named with one, as
 * `exact_match,strict-match`. A group of tasks counts as all of its tasks: its own mean may be weighted otherwise.
 */
export function readHarness(files: readonly Fields[], mapping: Mapping): Record<string, SplitCounts> {
  const named = files.flatMap((file) => namesIn(file).map((name) => ({ file, name })));
  checkTasks(
    named.map(({ name }) => name),
    mapping,
  );
  const splits: Record<string, SplitCounts> = {};
  for (const { file, name } of named) {
    const split = splitFor(name, mapping);
    if (split === null) continue;
    const tasks = tasksOf(file, name).map((task) => readTask(file, task, mapping.metric));
    const [correct, total] = [sum(tasks.map((task) => task.correct)), sum(tasks.map((task) => task.total))];
    addSplit(splits, split, { correct, total, loss: null });
  }
  return splits;
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

const fieldsOf = (value: unknown): Fields => (isObject(value) ? value : {});

/** A group that has no mean of its own may be missing among the results. */
const namesIn = (file: Fields): string[] => [
  ...new Set([...Object.keys(fieldsOf(file["results"])), ...Object.keys(fieldsOf(file["group_subtasks"]))]),
];

/** The tasks of a group and of the groups in it, each once; a task alone is its own. */
function tasksOf(file: Fields, name: string): string[] {
  const groups = new Map(Object.entries(fieldsOf(file["group_subtasks"])));
  const tasks: string[] = [];
  const seen = new Set<string>();
  const open = [name];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const members = groups.get(next);
    if (Array.isArray(members) && members.length > 0) open.push(...members.map(String));
    else tasks.push(next);
  }
  if (tasks.length === 0) throw refused(`The group "${name}" has no tasks.`);
  return tasks;
}

function readTask(file: Fields, task: string, metric: string | null): SplitCounts {
  const metrics = new Map(Object.entries(fieldsOf(file["results"]))).get(task);
  if (!isObject(metrics)) throw refused(`"results" has no "${task}".`);
  const key = chooseMetric(task, metrics, metric);
  return countsOf(metrics[key], samplesOf(file, task, metrics, key), `"${key}" of "results.${task}"`);
}

/** How many examples a metric is the mean of: newer versions say it of each metric, older ones of the task. */
function samplesOf(file: Fields, task: string, metrics: Fields, key: string): number {
  const own = fieldsOf(metrics["sample_count"])[key];
  const effective = fieldsOf(new Map(Object.entries(fieldsOf(file["n-samples"]))).get(task))["effective"];
  return wholeFrom(
    1,
    own ?? effective ?? metrics["sample_len"],
    `"effective" of "n-samples.${task}", or "sample_len" of "results.${task}",`,
  );
}

function chooseMetric(task: string, metrics: Fields, wanted: string | null): string {
  for (const name of wanted === null ? ACCURACIES : [wanted]) {
    const found = Object.keys(metrics).filter((key) => key === name || key.split(",")[0] === name);
    const [only] = found;
    if (only !== undefined && found.length === 1) return only;
    if (only !== undefined) throw refused(`"results.${task}" has ${found.join(" and ")}: name one with metric=.`);
  }
  throw refused(
    `"results.${task}" has no ${wanted ?? ACCURACIES.join(" or ")}: it has ${Object.keys(metrics).join(", ")}.`,
  );
}
