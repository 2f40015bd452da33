// The recorded runs of test/fixtures/trajectories and their reviewed hindsight labels, in two halves: the detector was
// developed on one and is reported on the other.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parseHistory } from "../../src/history/history.ts";
import type { Point } from "../../src/phases/judge.ts";

const FOLDER = join(import.meta.dirname, "../../test/fixtures/trajectories");

export type Half = "develop" | "report";

export interface RecordedRun {
  name: string;
  half: Half;
  points: Point[];
  /** Verdicts of which any is right at the end of the log. */
  allowed: string[];
  /** Null where it is not scored. */
  route: "grokked" | "gradual" | "none" | null;
  fitStep: number | null;
  settledStep: number | null;
}

export function readRecordedRuns(): RecordedRun[] {
  const [, ...rows] = readFileSync(join(FOLDER, "labels.csv"), "utf8").trim().split("\n");
  return rows.map((row) => {
    const [name = "", allowed = "", route = "", , fit = "", settled = ""] = row.split(",");
    const text = gunzipSync(readFileSync(join(FOLDER, `${name}.csv.gz`))).toString();
    return {
      name,
      half: halfOf(name),
      points: parseHistory(text),
      allowed: allowed.split("|"),
      route: route === "" ? null : (route as "grokked" | "gradual" | "none"),
      fitStep: fit === "" ? null : Number(fit),
      settledStep: settled === "" ? null : Number(settled),
    };
  });
}

/** FNV-1a of the name, its lowest bit: a split that nobody chose. */
export function halfOf(name: string): Half {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % 2 === 0 ? "develop" : "report";
}
