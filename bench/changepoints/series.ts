import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Points } from "./score.ts";

export interface Annotated {
  name: string;
  /** One or more series of the same length. */
  series: readonly (readonly number[])[];
  /** Each annotator's change points. */
  annotators: readonly Points[];
}

interface Dataset {
  series: { raw: (number | null)[] }[];
}

/**
 * The annotated series in a checkout of the Turing Change Point Dataset: those whose JSON is there, by name. The others
 * may not be redistributed and come, if at all, by that project's own download. A missing value repeats the last one.
 */
export function readAnnotated(directory: string): Annotated[] {
  const annotations = readJson<Record<string, Record<string, number[]>>>(join(directory, "annotations.json"));
  return Object.keys(annotations)
    .toSorted()
    .flatMap((name) => {
      const file = join(directory, "datasets", name, `${name}.json`);
      if (!existsSync(file)) return [];
      const series = readJson<Dataset>(file).series.map(({ raw }) => withoutGaps(raw));
      return [{ name, series, annotators: Object.values(annotations[name] ?? {}) }];
    });
}

/** The half that the method's numbers were chosen on, or the one that only reports: by the 32-bit FNV-1a of the name. */
export function halfOf(name: string): "develop" | "report" {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % 2 === 0 ? "develop" : "report";
}

function withoutGaps(raw: readonly (number | null)[]): number[] {
  let last = raw.find((value) => value !== null) ?? 0;
  return raw.map((value) => {
    last = value ?? last;
    return last;
  });
}

/** The one place that trusts a file's shape: the dataset's own, checked against its schema by its makers. */
function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, "utf8")) as T;
}
