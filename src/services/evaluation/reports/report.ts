import type { SplitCounts } from "../../../database/schema.ts";
import { DomainError } from "../../../errors.ts";

/** How the names of another tool become ours. */
export interface Mapping {
  /** From a task's name to a split's. */
  tasks: ReadonlyMap<string, string>;
  /** The accuracy to read, by the tool's own name; null for the tool's usual one. */
  metric: string | null;
  /** Splits of the suite. */
  splits: readonly string[];
}

/** What a refusal quotes was sent by somebody, and may be as long as the whole report. */
const LONGEST = 1_000;

export function refused(detail: string): DomainError {
  return new DomainError("invalid_evaluation", detail.length > LONGEST ? `${detail.slice(0, LONGEST)}…` : detail);
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function wholeFrom(least: number, value: unknown, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw refused(`${what} must be a whole number from ${least}, got ${JSON.stringify(value) ?? "nothing"}.`);
}

/** The split that a task counts for; null for none. */
export function splitFor(task: string, { tasks, splits }: Mapping): string | null {
  const own = splits.find((split) => split === task || split.replace(":", "_") === task);
  return tasks.get(task) ?? own ?? null;
}

/** @throws DomainError where a mapped task or its split is not there, or nothing is for any split */
export function checkTasks(found: readonly string[], { tasks, splits }: Mapping): void {
  const nowhere = [...tasks.values()].find((split) => !splits.includes(split));
  if (nowhere) throw refused(`The suite has no split "${nowhere}": it has ${splits.join(", ")}.`);
  const missing = [...tasks.keys()].find((task) => !found.includes(task));
  const listed = found.slice(0, 20).join(", ") + (found.length > 20 ? ` and ${found.length - 20} more` : "");
  if (missing) throw refused(`There is no task "${missing}": there are ${listed || "none"}.`);
  if (found.some((task) => tasks.has(task) || splits.some((split) => split.replace(":", "_") === task))) return;
  if (found.some((task) => splits.includes(task))) return;
  throw refused(`No task has the name of a split: say which is which with map=TASK=SPLIT. Tasks: ${listed || "none"}.`);
}

/** A share of `total` answers that were each right or wrong; of any other number a count would be made up. */
export function countsOf(accuracy: unknown, total: number, what: string): SplitCounts {
  if (typeof accuracy !== "number" || !(accuracy >= 0 && accuracy <= 1)) {
    throw refused(`${what} must be a fraction from 0 to 1, got ${JSON.stringify(accuracy) ?? "nothing"}.`);
  }
  const correct = Math.round(accuracy * total);
  if (Math.abs(correct / total - accuracy) > roundedAway(accuracy)) {
    throw refused(`${what} is ${accuracy}, which is no share of ${total}: is it an average of scores, or of groups?`);
  }
  return { correct, total, loss: null };
}

/** What rounding to the digits that are written may have taken: four at the least, of which zeros at the end are lost. */
function roundedAway(accuracy: number): number {
  const [digits = "", exponent = "0"] = accuracy.toExponential().split("e");
  const decimals = digits.replace(/\d\.?/, "").length - Number(exponent);
  return Math.max(1e-12, 0.5 * 10 ** -Math.max(4, decimals));
}

export function addSplit(splits: Record<string, SplitCounts>, split: string, counts: SplitCounts): void {
  if (split in splits) throw refused(`Two tasks count for the split "${split}": report one of them.`);
  splits[split] = counts;
}
