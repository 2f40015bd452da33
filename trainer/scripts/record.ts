// Trains without a service and writes what was measured as CSV, for `judge` and for the benchmark of the verdict:
//   npm run record -- --out FILE.csv.gz [any setting of grok.ts]
//   npm run record -- --collection DIR [--match TEXT]    every run of scripts/collection.ts not there yet
import { join } from "node:path";
import { choiceHelp, choiceOptions, chooseSettings, settingsOf } from "../src/choose-settings.ts";
import { runCommand, text, textOf, type Values } from "../src/command.ts";
import { settingOptions, settingsHelp } from "../src/flags.ts";
import { createProgress } from "../src/progress.ts";
import { isRecorded, recordRun } from "../src/record.ts";
import type { Settings } from "../src/settings.ts";
import { UsageError } from "../src/usage-error.ts";
import { collection } from "./collection.ts";

const USAGE = `record --out FILE.csv[.gz] [SETTINGS] | --collection DIR [--match TEXT]
  --out FILE             the run as CSV, which replaces what is there; gzip where the name ends in .gz
  --collection DIR       every run of scripts/collection.ts that is not there yet
  --match TEXT           those alone that have it in their names
${choiceHelp}${settingsHelp}A run that diverges is recorded to its last step, its line says so, and the command exits with 0 all the same. With 2 for
what cannot be trained as asked, with 1 for whatever goes wrong later.
`;

async function recordCollection(values: Values, directory: string): Promise<void> {
  const given = Object.keys({ ...settingOptions, ...choiceOptions }).find((name) => values[name] !== undefined);
  if (given !== undefined) throw new UsageError(`--collection has its own settings: drop --${given}`);
  const match = textOf(values, "match") ?? "";
  const matching = collection.filter(({ name }) => name.includes(match));
  if (matching.length === 0) throw new UsageError(`no run of the collection has "${match}" (--match) in its name`);
  for (const { name, flags } of matching) {
    const file = join(directory, `${name}.csv.gz`);
    if (!(await isRecorded(file))) await record(name, file, await settingsOf(flags));
  }
}

async function record(name: string, file: string, settings: Settings): Promise<void> {
  const { step, splits, weightNorm } = await recordRun(file, settings, createProgress(process.stderr, settings.steps));
  const levels = [...splits].map(([split, { correct, total }]) => `${split} ${(correct / total).toFixed(2)}`);
  const norm = Number.isFinite(weightNorm) ? `norm ${weightNorm.toFixed(1)}` : "diverged";
  console.log(`${name}  step ${step}  ${levels.join("  ")}  ${norm}`);
}

const own = { out: text, collection: text, match: text };

await runCommand(USAGE, { ...own, ...choiceOptions, ...settingOptions }, async (values) => {
  const [out, directory] = [textOf(values, "out"), textOf(values, "collection")];
  if ((out === undefined) === (directory === undefined)) throw new UsageError("give --out or --collection");
  if (directory !== undefined) await recordCollection(values, directory);
  else if (values["match"] !== undefined) throw new UsageError("--match is for --collection: drop it");
  else if (out !== undefined) await record(out, out, await chooseSettings(values));
});
