// Makes again what papers report, and writes what was seen: npm run -w trainer reproduce -- [--match TEXT]
// Runs that are recorded in trainer/reproductions/, or in the collection of the verdict's benchmark, are read; the
// others are trained first, where their names have TEXT in them. Plots are drawn anew.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { settingsOf } from "../src/choose-settings.ts";
import { isRecorded, recordRun } from "../src/record.ts";
import { plotRuns } from "./plot-runs.ts";
import { allReproductions, plotOf, readRuns, recordingOf, reportOf } from "./reproduction-report.ts";

const ROOT = join(import.meta.dirname, "..");
const { match } = parseArgs({ options: { match: { type: "string", default: "" } } }).values;

for (const { source, runs } of allReproductions) {
  for (const [name, flags] of Object.entries(runs)) {
    const file = recordingOf(name);
    if ((await isRecorded(file)) || !name.includes(match)) continue;
    await recordRun(file, await settingsOf(flags));
    console.log(name);
  }
  const recorded = await readRuns(runs);
  if (recorded.size > 0) await writeFile(join(ROOT, plotOf(source)), plotRuns(recorded));
}
await writeFile(join(ROOT, "REPRODUCTIONS.md"), await reportOf(allReproductions));
