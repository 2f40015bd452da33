import type { SplitCounts } from "../../../database/schema.ts";
import { addSplit, checkTasks, countsOf, isObject, type Mapping, refused, splitFor, wholeFrom } from "./report.ts";

/**
 * Logs of Inspect AI as JSON (`inspect log dump --header-only` leaves the samples out), one for each split: the task's
 * name, how many samples the only scorer scored, and its metric `accuracy`. `metric` names another, or one of several
 * scorers as `<scorer>/accuracy`.
 */
export function readInspect(logs: readonly Record<string, unknown>[], mapping: Mapping): Record<string, SplitCounts> {
  const named = logs.map((log) => ({ log, task: taskOf(log) }));
  checkTasks(
    named.map(({ task }) => task),
    mapping,
  );
  const splits: Record<string, SplitCounts> = {};
  for (const { log, task } of named) {
    const split = splitFor(task, mapping);
    if (split !== null) addSplit(splits, split, readLog(log, task, mapping.metric));
  }
  return splits;
}

const specOf = (log: Record<string, unknown>) => (isObject(log["eval"]) ? log["eval"] : {});

/** Tasks of a package are named `package/task`. */
function taskOf(log: Record<string, unknown>): string {
  const task = specOf(log)["task"];
  if (typeof task !== "string" || task === "") throw refused('A log has no "eval.task".');
  return task.split("/").at(-1) ?? task;
}

function readLog(log: Record<string, unknown>, task: string, metric: string | null): SplitCounts {
  if (log["status"] !== "success")
    throw refused(`The log of "${task}" has the status ${JSON.stringify(log["status"]) ?? "of none"}.`);
  if (log["invalidated"] === true) throw refused(`The log of "${task}" was invalidated.`);
  const { config } = specOf(log);
  const epochs = isObject(config) ? (config["epochs"] ?? 1) : 1;
  if (epochs !== 1)
    throw refused(
      `The log of "${task}" has ${JSON.stringify(epochs)} epochs: an answer that is half right is no count.`,
    );
  const results = isObject(log["results"]) ? log["results"] : {};
  const scores = Array.isArray(results["scores"]) ? results["scores"].filter(isObject) : [];
  const { score, name } = chooseScore(task, scores, metric);
  // Accuracy is the mean over what was scored; older logs do not say how many that is, and score all that completed.
  const total = wholeFrom(
    1,
    score["scored_samples"] ?? results["completed_samples"],
    `"scored_samples", or "results.completed_samples", of "${task}"`,
  );
  const value = isObject(score["metrics"]) ? score["metrics"][name] : undefined;
  return countsOf(isObject(value) ? value["value"] : undefined, total, `"${name}" of "${task}"`);
}

function chooseScore(task: string, scores: readonly Record<string, unknown>[], metric: string | null) {
  const metricsOf = ({ metrics }: Record<string, unknown>) => (isObject(metrics) ? Object.keys(metrics) : []);
  const wanted = metric?.split("/") ?? [];
  const [name, scorer] = [wanted.at(-1) ?? "accuracy", wanted.at(-2)];
  const found = scores.filter((score) => metricsOf(score).includes(name) && (!scorer || score["name"] === scorer));
  const [only] = found;
  if (only && found.length === 1) return { score: only, name };
  const names = scores.flatMap((score) => metricsOf(score).map((each) => `${score["name"]}/${each}`));
  throw refused(
    `The log of "${task}" has ${found.length} scorers with "${name}": name one with metric=SCORER/METRIC. It has ${names.join(", ") || "none"}.`,
  );
}
