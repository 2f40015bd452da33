// Makes again what papers report, and writes what was seen: npm run -w trainer reproduce -- [--match TEXT]
// Runs that are recorded in trainer/reproductions/, or in the collection of the verdict's benchmark, are read; the
// others are trained first, where their names have TEXT in them. Plots are drawn anew.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { choiceOptions, chooseSettings } from "../src/choose-settings.ts";
import { settingOptions } from "../src/flags.ts";
import { isRecorded, recordRun } from "../src/record.ts";
import { chanceOf } from "../src/tasks/chance.ts";
import { createTask } from "../src/tasks/tasks.ts";
import { kindsOfRuns } from "./kinds-of-runs.ts";
import { plotRuns } from "./plot-runs.ts";
import { Recorded } from "./recorded.ts";
import { type Reproduction, type Runs, reproductions } from "./reproductions.ts";

const ROOT = join(import.meta.dirname, "..");
const RECORDED = join(ROOT, "reproductions");
const COLLECTION = join(ROOT, "../bench/fixtures/trainer");
const { match } = parseArgs({ options: { match: { type: "string", default: "" } } }).values;

const settingsOf = (flags: string) =>
  chooseSettings(parseArgs({ args: flags.split(" "), options: { ...settingOptions, ...choiceOptions } }).values);

/** Those that are recorded, after the training of those that are not. */
async function readRuns(flagsByName: Readonly<Record<string, string>>): Promise<Runs> {
  const runs = new Map<string, Recorded>();
  for (const [name, flags] of Object.entries(flagsByName)) {
    const files = [RECORDED, COLLECTION].map((directory) => join(directory, `${name}.csv.gz`));
    const [own = "", shared = ""] = files;
    const file = (await isRecorded(shared)) ? shared : own;
    if (!(await isRecorded(file))) {
      if (!name.includes(match)) continue;
      await recordRun(file, await settingsOf(flags));
      console.log(name);
    }
    runs.set(name, await Recorded.read(file, chanceOf(createTask(await settingsOf(flags)))));
  }
  return runs;
}

async function describe({ source, reported, here, runs: flags, seen }: Reproduction): Promise<string> {
  const runs = await readRuns(flags);
  const lines = seen(runs);
  const table = lines[0]?.startsWith("|") === true;
  const plot = `${source.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.svg`;
  if (runs.size > 0) await writeFile(join(RECORDED, plot), plotRuns(runs));
  const missing = Object.keys(flags).filter((name) => !runs.has(name));
  return [
    `## ${source}`,
    "",
    `To be seen: ${reported}.`,
    "",
    `Here: ${here}.`,
    "",
    "Seen:",
    "",
    ...(table ? lines : lines.map((line) => `- ${line}`)),
    ...missing.map((name) => `- ${name}: not run yet`),
    "",
    ...(runs.size > 0 ? [`![accuracies by step](reproductions/${plot})`, ""] : []),
    "```",
    ...Object.entries(flags).map(([name, flags]) => `${name}: ${flags}`),
    "```",
    "",
  ].join("\n");
}

const intro = `# What papers report, made again

Written by \`npm run -w trainer reproduce\`, which trains what is not recorded yet, and draws the plots. Every run is one
command, \`npm run -w trainer record -- --out FILE.csv.gz FLAGS\`, on the \`wasm\` backend; the seed is 0 where the flags do
not name it. Train is grey, validation blue, and OOD splits are orange.
`;

const notMade = `## Not made again

- Anti-grokking (arXiv 2506.04434), the loss of what was learned after very long training without weight decay: 10^7
  updates, which at the some 65 updates a second that the quick task makes on one core are 43 hours. That
  is more than two cores reach in hours; a smaller setup was not looked for.
`;

const sections: string[] = [];
for (const reproduction of [...reproductions, ...kindsOfRuns]) sections.push(await describe(reproduction));
await writeFile(join(ROOT, "REPRODUCTIONS.md"), [intro, ...sections, notMade].join("\n"));
