import type { Scoring } from "../../evaluation/metrics.ts";
import { suiteRefusal as refused } from "./refusal.ts";

/** The options of each task. What is not listed is left to whoever made the file. */
const OPTIONS = {
  classification: ["ignore_index"],
  binary: ["threshold"],
  multilabel: ["threshold"],
  regression: ["tolerance", "relative_tolerance"],
} as const satisfies Record<Scoring["task"], readonly string[]>;

const ALL_OPTIONS = Object.values(OPTIONS).flat();

/**
 * What a suite's `__metadata__` says of its task.
 * @throws DomainError `invalid_suite` for an unknown task, and for an option that is no number or of another task
 */
export function readScoring(metadata: Readonly<Record<string, string>>): Scoring {
  const task = metadata["task"] ?? "classification";
  if (!isTask(task)) {
    throw refused(`The task is "${task}"; there are ${Object.keys(OPTIONS).join(", ")}.`);
  }
  const own: readonly string[] = OPTIONS[task];
  const foreign = ALL_OPTIONS.find((option) => option in metadata && !own.includes(option));
  if (foreign) {
    throw refused(`__metadata__ has "${foreign}", which is no option of ${task}: it takes ${own.join(", ")}.`);
  }
  switch (task) {
    case "classification": {
      const whole = (value: number) => Number.isSafeInteger(value);
      return { task, ignoreIndex: readNumber(metadata, "ignore_index", "a whole number", whole) };
    }
    case "binary":
    case "multilabel": {
      const inside = (value: number) => value > 0 && value < 1;
      return { task, threshold: readNumber(metadata, "threshold", "a probability above 0 and below 1", inside) ?? 0.5 };
    }
    case "regression":
      return { task, ...readTolerance(metadata) };
  }
}

function readTolerance(metadata: Readonly<Record<string, string>>) {
  const positive = (value: number) => value > 0 && Number.isFinite(value);
  const [tolerance, relativeTolerance] = ["tolerance", "relative_tolerance"].map((name) =>
    readNumber(metadata, name, "a number above 0", positive),
  );
  if (tolerance === null && relativeTolerance === null) {
    throw refused(
      'A regression needs "tolerance" in __metadata__ (or "relative_tolerance", a share of the target): how far an answer may be off and still count as right.',
    );
  }
  return { tolerance: tolerance ?? 0, relativeTolerance: relativeTolerance ?? 0 };
}

function readNumber(
  metadata: Readonly<Record<string, string>>,
  name: string,
  expected: string,
  fits: (value: number) => boolean,
): number | null {
  const text = metadata[name];
  if (text === undefined) return null;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!fits(value)) throw refused(`"${name}" in __metadata__ is ${JSON.stringify(text)}; it must be ${expected}.`);
  return value;
}

function isTask(task: string): task is Scoring["task"] {
  return Object.hasOwn(OPTIONS, task);
}
