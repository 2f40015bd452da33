// What to type next, where a file's columns do not say enough. Hints are never acted on: a person decides.

import { listed, shownName } from "./row.ts";

/** The surest first: W&B's own `_step` counts calls of its log, which need not be steps of training. */
const STEPS = [/global[_ ]?step$/i, /(?:^|[/_ ])(?:train(?:ing)?[_ /]?)?step$/i, /^(?:iter(?:ation)?s?|epoch)$/i];

/** The edges of the band that a W&B chart draws around a line. */
export const isBand = (column: string): boolean => /__(?:MIN|MAX)$/.test(column);

const example = (source: string, name: string): string => {
  const shown = shownName(source);
  // Quotes go around the whole of what the shell is to take as one word.
  return shown.startsWith('"') ? `--map ${shown.slice(0, -1)}=${name}"` : `--map ${shown}=${name}`;
};

const SPLITS: [RegExp, string][] = [
  [/^(?:tr|train|training)$/, "train"],
  [/^(?:val|valid|validation|dev|eval|evaluation|test|testing|heldout)$/, "validation"],
  [/^(?:ood|shift|shifted)$/, "ood"],
];

/** The accuracy that a name seems to mean, as `train_accuracy` for `run - Train/acc`; null where it does not say. */
export function nearMiss(column: string): string | null {
  if (isBand(column)) return null;
  const metric = column.split(" - ").at(-1) ?? column;
  const words = metric.toLowerCase().split(/[^a-z0-9]+/);
  const field = words.some((word) => /^(?:acc|accuracy|accuracies|top1)$/.test(word)) ? "accuracy" : "correct";
  if (field === "correct" && !words.includes("correct")) return null;
  const split = SPLITS.find(([pattern]) => words.some((word) => pattern.test(word)))?.[1];
  return split === undefined ? null : `${split}_${field}`;
}

/** At most `most` maps to try, one for each of our columns. */
function suggestions(columns: Iterable<string>, most = 3): string[] {
  const found = new Map<string, string>();
  for (const column of columns) {
    const name = nearMiss(column);
    if (name !== null && !found.has(name)) found.set(name, column);
  }
  return [...found].slice(0, most).map(([name, column]) => example(column, name));
}

const without = (seen: Iterable<string>): string[] => [...seen].filter((name) => name !== "" && !isBand(name));

export function noStep(seen: Iterable<string>): string {
  const columns = without(seen);
  const found = `expected a column "step", found ${listed(columns)}`;
  const step = STEPS.map((pattern) => columns.find((column) => pattern.test(column))).find(
    (name) => name !== undefined,
  );
  if (step !== undefined) return `${found}; try ${[example(step, "step"), ...suggestions(columns)].join(" ")}`;
  const runs = columns.some((column) => /^(?:run[ _]?id|name)$/i.test(column));
  if (runs) return `${found}; a table of runs has only their last values: export the history of one`;
  return `${found}; name yours with ${example("COLUMN", "step")}`;
}

export function noSplit(seen: Iterable<string>): string {
  const columns = without(seen);
  const near = suggestions(columns);
  const tried = near.length > 0 ? near.join(" ") : example("COLUMN", "validation_accuracy");
  return `expected a column <split>_accuracy or <split>_correct, found ${listed(columns)}; try ${tried}`;
}

/** Columns that look like results and are not read: a verdict without them may not be the one that was meant. */
export function unreadResults(unread: Iterable<string>): string | null {
  const columns = [...unread].filter((column) => nearMiss(column) !== null || /._(?:accuracy|correct)$/.test(column));
  if (columns.length === 0) return null;
  const [first = ""] = columns;
  return `not read: ${listed(columns, 5)}; to read one, say what it is (${example(first, nearMiss(first) ?? "ood:NAME_accuracy")})`;
}

export function missingMap(source: string, name: string, seen: readonly string[]): string {
  return `${example(source, name)}: expected a column ${shownName(source)}, found ${listed(seen)}`;
}

export function severalRuns(what: string, runs: readonly string[]): string {
  const [first = ""] = runs;
  return `${what} is there for ${runs.length} runs (${listed(runs, 5)}): choose one with --run ${shownName(first)}`;
}
