import type { SplitCounts } from "../../../database/schema.ts";
import { addSplit, checkTasks, countsOf, isObject, type Mapping, refused, splitFor, wholeFrom } from "./report.ts";

/**
 * Logs of Inspect AI as JSON (`inspect log dump --header-only` leaves the samples out), one for each split: the task's
 * name, `results.completed_samples`, and the metric `accuracy` of the only scorer. `metric` names another, or one of
 * several scorers as `<scorer>/accuracy`.
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
    throw refused(`The log of "${task}" has the status ${JSON.stringify(log["status"])}.`);
  const { config } = specOf(log);
  const epochs = isObject(config) ? (config["epochs"] ?? 1) : 1;
  if (epochs !== 1)
    throw refused(`The log of "${task}" has ${epochs} epochs: an answer that is half right is no count.`);
  const results = isObject(log["results"]) ? log["results"] : {};
  const total = wholeFrom(1, results["completed_samples"], `"results.completed_samples" of "${task}"`);
  const wanted = metric?.split("/") ?? [];
  const [name, scorer] = [wanted.at(-1) ?? "accuracy", wanted.at(-2)];
  const scores = Array.isArray(results["scores"]) ? results["scores"].filter(isObject) : [];
  const found = scores.filter(
    (score) => isObject(score["metrics"]) && name in score["metrics"] && (!scorer || score["name"] === scorer),
  );
  const [only] = found;
  if (!only || found.length > 1) {
    const names = scores.map((score) => String(score["name"])).join(", ") || "none";
    throw refused(
      `The log of "${task}" has ${found.length} scorers with "${name}": name one with metric=SCORER/METRIC. Scorers: ${names}.`,
    );
  }
  const value = (only["metrics"] as Record<string, unknown>)[name];
  return countsOf(isObject(value) ? value["value"] : undefined, total, `"${name}" of "${task}"`);
}
