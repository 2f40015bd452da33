// The text of REPRODUCTIONS.md: per source what is to be seen, what is smaller here, and what the recordings show.
import { join } from "node:path";
import { settingsOf } from "../src/choose-settings.ts";
import { isRecorded } from "../src/record.ts";
import { chanceOf } from "../src/tasks/chance.ts";
import { createTask } from "../src/tasks/tasks.ts";
import { collection } from "./collection.ts";
import { kindsOfRuns } from "./kinds-of-runs.ts";
import { Recorded } from "./recorded.ts";
import { type Reproduction, type Runs, reproductions } from "./reproductions.ts";

const RECORDED = join(import.meta.dirname, "../reproductions");
const COLLECTION = join(import.meta.dirname, "../../bench/fixtures/trainer");

export const allReproductions: readonly Reproduction[] = [...reproductions, ...kindsOfRuns];

/** Beside the report, or with the verdict's benchmark where the run is one of its collection. */
export function recordingOf(name: string): string {
  const shared = collection.some((recording) => recording.name === name);
  return join(shared ? COLLECTION : RECORDED, `${name}.csv.gz`);
}

/** From the report's folder. */
export const plotOf = (source: string): string =>
  `reproductions/${source.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.svg`;

/** Those that are recorded. */
export async function readRuns(flagsByName: Readonly<Record<string, string>>): Promise<Runs> {
  const runs = new Map<string, Recorded>();
  for (const [name, flags] of Object.entries(flagsByName)) {
    const file = recordingOf(name);
    if (!(await isRecorded(file))) continue;
    runs.set(name, await Recorded.read(file, chanceOf(createTask(await settingsOf(flags)))));
  }
  return runs;
}

export async function reportOf(all: readonly Reproduction[]): Promise<string> {
  const sections: string[] = [];
  for (const reproduction of all) sections.push(await describe(reproduction));
  return [intro, ...sections].join("\n");
}

async function describe({ source, reported, here, runs: flags, seen }: Reproduction): Promise<string> {
  const runs = await readRuns(flags);
  const lines = seen(runs);
  const table = lines[0]?.startsWith("|") === true;
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
    ...(runs.size > 0 ? [`![accuracies by step](${plotOf(source)})`, ""] : []),
    "```",
    ...Object.entries(flags).map(([name, flags]) => `${name}: ${flags}`),
    "```",
    "",
  ].join("\n");
}

const intro = `# What papers report, made again

Written by \`npm run -w trainer reproduce\`, which trains what is not recorded yet, and draws the plots. Every run is one
command, \`npm run record -- --out FILE.csv.gz FLAGS\`, on the \`wasm\` backend; the seed is 0 where the flags do
not name it. Train is grey, validation blue, and OOD splits are orange.
`;
