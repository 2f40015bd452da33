import type { SplitCounts } from "../../../database/schema.ts";
import { addSplit, checkTasks, countsOf, isObject, type Mapping, refused, splitFor, wholeFrom } from "./report.ts";

/** What lm-evaluation-harness calls an accuracy, the usual one first. */
const ACCURACIES = ["acc", "exact_match"];

/**
 * `results_<time>.json` of lm-evaluation-harness 0.4: `results.<task>` has `<metric>,<filter>`, `n-samples.<task>` how
 * many were scored (`effective`). Without `metric`, `acc` is read, else `exact_match`; a metric with several filters
 * must be named with one, as `exact_match,strict-match`.
 */
export function readHarness(file: Record<string, unknown>, mapping: Mapping): Record<string, SplitCounts> {
  const results = file["results"] as Record<string, unknown>;
  const samples = isObject(file["n-samples"]) ? file["n-samples"] : {};
  checkTasks(Object.keys(results), mapping);
  const splits: Record<string, SplitCounts> = {};
  for (const [task, metrics] of Object.entries(results)) {
    const split = splitFor(task, mapping);
    if (split === null || !isObject(metrics)) continue;
    const counted = samples[task];
    const total = wholeFrom(
      1,
      isObject(counted) ? counted["effective"] : undefined,
      `"effective" of "n-samples.${task}"`,
    );
    const key = chooseMetric(task, metrics, mapping.metric);
    addSplit(splits, split, countsOf(metrics[key], total, `"${key}" of "results.${task}"`));
  }
  return splits;
}

function chooseMetric(task: string, metrics: Record<string, unknown>, wanted: string | null): string {
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
