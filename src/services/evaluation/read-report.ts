import type { SplitCounts } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { packedKind } from "../../history/packed.ts";
import { parseJson } from "../../history/parse-json.ts";
import { readHarness } from "./reports/harness.ts";
import { readInspect } from "./reports/inspect.ts";
import { isObject, type Mapping, refused, wholeFrom } from "./reports/report.ts";

/** What somebody measured elsewhere, in our terms. */
export interface Report {
  /** The form it came in. */
  source: "counts" | "lm-evaluation-harness" | "inspect-ai";
  splits: Record<string, SplitCounts>;
}

/**
 * The document that a report is. Of a file of another kind it says what to send.
 * @throws DomainError `invalid_request` for what is no JSON, `invalid_evaluation` for a packed file
 */
export function parseReport(text: string): unknown {
  const packed = packedKind(text);
  if (packed !== null) {
    throw refused(`This is ${packed}. Of an .eval log send what "inspect log dump --header-only FILE" prints.`);
  }
  const body = parseJson(text);
  if (body === undefined) {
    throw new DomainError(
      "invalid_request",
      "The body is not one JSON document. Of samples, line by line, send the results file.",
    );
  }
  return body;
}

/**
 * Reads a reported evaluation: our own counts, results files of lm-evaluation-harness, or logs of Inspect AI as JSON.
 * A task counts for the split that `map` names, or for the one that has its name with `ood_` for `ood:`.
 * @throws DomainError `invalid_evaluation`, naming the place
 */
export function readReport(body: unknown, mapping: Mapping): Report {
  const files = Array.isArray(body) ? body : [body];
  const all = (name: string) => files.length > 0 && files.every((file) => isObject(file) && isObject(file[name]));
  if (all("eval")) return { source: "inspect-ai", splits: readInspect(files, mapping) };
  if (all("results")) return { source: "lm-evaluation-harness", splits: readHarness(files, mapping) };
  if (isObject(body) && isObject(body["splits"])) {
    return { source: "counts", splits: readCounts(body["splits"]) };
  }
  throw refused(
    'It is none of: {"splits": {"<split>": {"correct", "total", "loss"}}}, a results file of lm-evaluation-harness, logs of Inspect AI as JSON.',
  );
}

function readCounts(splits: Record<string, unknown>): Record<string, SplitCounts> {
  return Object.fromEntries(
    Object.entries(splits).map(([split, counts]) => {
      if (!isObject(counts)) throw refused(`The split "${split}" has no counts.`);
      const total = wholeFrom(1, counts["total"], `"total" of "${split}"`);
      const correct = wholeFrom(0, counts["correct"], `"correct" of "${split}"`);
      if (correct > total) throw refused(`The split "${split}" has ${correct} correct of ${total}.`);
      const loss = counts["loss"] ?? null;
      if (loss !== null && !(typeof loss === "number" && Number.isFinite(loss))) {
        throw refused(`"loss" of "${split}" must be a number or null.`);
      }
      return [split, { correct, total, loss }];
    }),
  );
}

/**
 * Whether a report is of the suite's examples: every split of it and no other, each with as many as the suite asks.
 * @throws DomainError `invalid_evaluation`
 */
export function checkReport({ splits }: Report, suite: readonly { name: string; total: number }[]): void {
  const unknown = Object.keys(splits).find((name) => !suite.some((split) => split.name === name));
  if (unknown) {
    throw refused(`The suite has no split "${unknown}": it has ${suite.map(({ name }) => name).join(", ")}.`);
  }
  for (const { name, total } of suite) {
    const counts = splits[name];
    if (!counts) throw refused(`The split "${name}" is missing: a verdict needs all of them at once.`);
    if (counts.total !== total) {
      throw refused(
        `The split "${name}" asks ${total} and ${counts.total} were reported: other examples are another suite.`,
      );
    }
  }
}
