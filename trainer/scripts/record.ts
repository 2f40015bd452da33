// Trains without a service and writes what was measured as CSV, for `judge` and for the benchmark of the verdict:
//   npm run -w trainer record -- --out FILE.csv.gz [any setting of grok.ts]
//   npm run -w trainer record -- --collection DIR [--match TEXT]    every run of scripts/collection.ts not there yet
import { join } from "node:path";
import { parseArgs } from "node:util";
import { choiceHelp, choiceOptions, chooseSettings, settingsOf } from "../src/choose-settings.ts";
import { settingOptions, settingsHelp, UsageError } from "../src/flags.ts";
import { createProgress } from "../src/progress.ts";
import { isRecorded, recordRun } from "../src/record.ts";
import type { Settings } from "../src/settings.ts";
import type { Checkpoint } from "../src/train.ts";
import { collection } from "./collection.ts";

const USAGE = `record --out FILE.csv[.gz] [SETTINGS] | --collection DIR [--match TEXT]\n${choiceHelp}${settingsHelp}`;

const text = { type: "string" } as const;

async function main(args: string[]): Promise<void> {
  const { values } = parse(args);
  const { out, collection: directory, match } = values;
  if (typeof out === "string" && directory === undefined && match === undefined) {
    await record(out, out, await chooseSettings(values));
    return;
  }
  if (out !== undefined || typeof directory !== "string") throw new UsageError("give --out or --collection");
  const given = Object.keys({ ...settingOptions, ...choiceOptions }).find((name) => values[name] !== undefined);
  if (given !== undefined) throw new UsageError(`--collection has its own settings: drop --${given}`);
  for (const { name, flags } of collection) {
    if (!name.includes(typeof match === "string" ? match : "")) continue;
    const file = join(directory, `${name}.csv.gz`);
    if (await isRecorded(file)) continue;
    await record(name, file, await settingsOf(flags));
  }
}

function parse(args: string[]) {
  try {
    const options = { ...settingOptions, ...choiceOptions, out: text, collection: text, match: text };
    return parseArgs({ args, options }) as { values: Readonly<Record<string, unknown>> };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function record(name: string, file: string, settings: Settings): Promise<void> {
  report(name, await recordRun(file, settings, createProgress(process.stderr, settings.steps)));
}

function report(name: string, { step, splits, weightNorm }: Checkpoint): void {
  const levels = [...splits].map(([split, { correct, total }]) => `${split} ${(correct / total).toFixed(2)}`);
  console.log(`${name}  step ${step}  ${levels.join("  ")}  norm ${weightNorm.toFixed(1)}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const usage = error instanceof UsageError;
  process.stderr.write(`${error instanceof Error ? error.message : error}\n${usage ? `\n${USAGE}` : ""}`);
  process.exitCode = usage ? 2 : 1;
}
