// npm run bench -- verdict: every figure of docs/verdict-benchmark.md, which says how each is made.
import { reportPlateaus, reportPlateausBeside, reportStable } from "./false-alarms.ts";
import { reportPaced } from "./paced.ts";
import { reportRecordedEvents } from "./recorded-events.ts";
import { reportRecordedVerdicts } from "./recorded-verdicts.ts";
import { reportCells } from "./report-cells.ts";
import { RIVALS } from "./rivals/index.ts";
import { reportSpeed } from "./speed.ts";
import { benchStructure } from "./structure.ts";
import { reportTrained } from "./trained-events.ts";

/** Series of each synthetic cell, and of each level of the plateaus. */
const SERIES = 40;
const PLATEAUS = 200;
/** Slow beside the others: it sees fewer plateaus. */
const BESIDE = 40;

const SECTIONS: [string, () => string][] = [
  ["Recorded runs: verdicts", reportRecordedVerdicts],
  ["Recorded runs: events", reportRecordedEvents],
  ["Runs of our own trainer", () => reportTrained(RIVALS)],
  ["Synthetic series", () => reportCells(RIVALS, SERIES)],
  ["Changes at any pace", () => reportPaced(RIVALS, SERIES)],
  ["False alarms", () => reportPlateaus(PLATEAUS)],
  ["False alarms, beside the rivals", () => reportPlateausBeside(RIVALS, BESIDE)],
  ["False regressions", () => reportStable(PLATEAUS)],
  ["Structure of the layers", benchStructure],
  ["Speed", reportSpeed],
];

/** Writes each section as it is done: the whole takes some minutes. */
export function benchVerdict(): void {
  for (const [name, report] of SECTIONS) {
    process.stderr.write(`  ${name}…\n`);
    process.stdout.write(`## ${name}\n\n${report()}\n\n`);
  }
}
