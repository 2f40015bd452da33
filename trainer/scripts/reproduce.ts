// Makes again what papers report, and writes what was seen: npm run -w trainer reproduce -- [--match TEXT]
// Runs that are recorded in trainer/reproductions/ are read; the others are trained first.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readSettings, settingOptions } from "../src/flags.ts";
import { isRecorded, recordRun } from "../src/record.ts";
import { Recorded } from "./recorded.ts";
import { type Reproduction, reproductions } from "./reproductions.ts";

const ROOT = join(import.meta.dirname, "..");
const { match } = parseArgs({ options: { match: { type: "string", default: "" } } }).values;

const sections: string[] = [];
for (const reproduction of reproductions) {
  const runs = new Map<string, Recorded>();
  for (const [name, flags] of Object.entries(reproduction.runs)) {
    const file = join(ROOT, "reproductions", `${name}.csv.gz`);
    if (!(await isRecorded(file))) {
      if (!name.includes(match)) continue;
      await recordRun(file, readSettings(parseArgs({ args: flags.split(" "), options: settingOptions }).values));
      console.log(name);
    }
    runs.set(name, await Recorded.read(file));
  }
  sections.push(describe(reproduction, runs));
}
await writeFile(join(ROOT, "REPRODUCTIONS.md"), [intro(), ...sections, notMade()].join("\n"));

function intro(): string {
  return `# What papers report, made again

Written by \`npm run -w trainer reproduce\`, which trains what is not in \`reproductions/\` yet. Every run is one command,
\`npm run -w trainer record -- --out FILE.csv.gz FLAGS\`, on the \`wasm\` backend with seed 0. The curves are accuracies from
0 to 1 over the run's checkpoints.
`;
}

function notMade(): string {
  return `## Not made again

- Nanda et al. 2023 (arXiv 2301.05217): the network is \`--network transformer\`; p = 113 was not run.
- Anti-grokking (arXiv 2506.04434): far more updates than any run here.
- Omnigrok (arXiv 2210.01117): \`--preset omnigrok2022-small\` shows no delay; what would is still to be found.
`;
}

function describe({ source, reported, here, runs: flags, seen }: Reproduction, runs: Map<string, Recorded>): string {
  const lines = seen(runs);
  const table = lines[0]?.startsWith("|") === true;
  const curves = [...runs].flatMap(([name, run]) => [
    `${name}: ${flags[name]}`,
    ...["train", "validation"].map(
      (split) => `${split.padEnd(11)}${curve(run.accuracy(split))} ${run.last(split).toFixed(2)}`,
    ),
  ]);
  return [
    `## ${source}`,
    "",
    `Reported: ${reported}.`,
    "",
    `Here: ${here}.`,
    "",
    "Seen:",
    "",
    ...(table ? lines : lines.map((line) => `- ${line}`)),
    "",
    "```",
    ...curves,
    "```",
    "",
  ].join("\n");
}

function curve(shares: readonly number[]): string {
  const blocks = [..."▁▂▃▄▅▆▇█"];
  const cells = Math.min(80, shares.length);
  const at = (cell: number) => shares[Math.round((cell * (shares.length - 1)) / (cells - 1))] ?? 0;
  return Array.from({ length: cells }, (_, cell) => blocks[Math.min(7, Math.floor(at(cell) * 8))]).join("");
}
