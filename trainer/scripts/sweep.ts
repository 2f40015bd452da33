// Fills an ensemble: one model per seed, and per value of one setting where it is varied, one after the other:
//   npm run -w trainer sweep -- --url URL --key-file FILE --ensemble NAME [--seeds 5] [--vary weight-decay=0,0.1,1]
//                               [--out DIR] [--preset NAME] [--config FILE] [any setting of grok.ts]
// Models are named by what they differ in, so that a sweep that was stopped goes on where it was: what is pushed
// already is the same bytes. With --out each has a folder of its own there, and goes on from its last checkpoint.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { choiceHelp, choiceOptions, chooseSettings } from "../src/choose-settings.ts";
import { settingOptions, settingsHelp, UsageError } from "../src/flags.ts";
import { createProgress } from "../src/progress.ts";
import { readService } from "../src/service-flags.ts";
import type { Settings } from "../src/settings.ts";
import { trainWatched } from "../src/watched.ts";

const USAGE = `sweep --url URL --key-file FILE --ensemble NAME [--seeds 5] [--vary SETTING=VALUE,VALUE…] [--out DIR]\n${choiceHelp}${settingsHelp}`;

async function main(args: string[]): Promise<void> {
  const values = parse(args);
  const { url, ensemble, vary, out } = values;
  if (typeof url !== "string" || typeof ensemble !== "string") throw new UsageError("give --url and --ensemble");
  const seeds = Number(values["seeds"] ?? 5);
  if (!Number.isSafeInteger(seeds) || seeds < 1) throw new UsageError("--seeds must be a whole number from 1");
  if (values["seed"] !== undefined) throw new UsageError("--seeds says how many seeds; drop --seed");
  const keyFile = values["key-file"];
  const service = await readService(url, typeof keyFile === "string" ? keyFile : undefined);
  const preset = typeof values["preset"] === "string" && { preset: values["preset"] };
  const members: { settings: Settings; tags: string[]; model: string }[] = [];
  for (const { changes, tags } of settingsOf(typeof vary === "string" ? vary : null)) {
    for (let seed = 0; seed < seeds; seed++) {
      const settings = await chooseSettings({ ...values, ...changes, seed: String(seed) });
      const model = [ensemble, ...tags.map((tag) => tag.replace(":", "-")), `seed${seed}`].join("-");
      members.push({ settings, tags, model });
    }
  }
  // All are read by now: a mistake in the last value is told before the first model is trained.
  for (const { settings, tags, model } of members) {
    const progress = createProgress(process.stderr, settings.steps);
    const kept = typeof out === "string" && { out: join(out, model), resume: true };
    const verdict = await trainWatched({ settings, service, model, ensemble, tags, ...preset, ...kept }, progress);
    console.log(`${model}  ${verdict?.verdict} as of step ${verdict?.asOfStep}`);
  }
}

function parse(args: string[]): Readonly<Record<string, unknown>> {
  const text = { type: "string" } as const;
  const own = { url: text, "key-file": text, ensemble: text, seeds: text, vary: text, out: text };
  try {
    return parseArgs({ args, options: { ...settingOptions, ...choiceOptions, ...own } }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** One entry without --vary; else one per value, which must be a setting's. */
function settingsOf(vary: string | null): { changes: Record<string, string>; tags: string[] }[] {
  if (vary === null) return [{ changes: {}, tags: [] }];
  const [name = "", list = ""] = vary.split("=");
  if (!Object.hasOwn(settingOptions, name) || name === "seed" || list === "") {
    throw new UsageError(`--vary must be a setting and its values, like weight-decay=0,0.1,1; got "${vary}"`);
  }
  return list.split(",").map((value) => ({ changes: { [name]: value }, tags: [`${name}:${value}`] }));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const usage = error instanceof UsageError;
  process.stderr.write(`${error instanceof Error ? error.message : error}\n${usage ? `\n${USAGE}` : ""}`);
  process.exitCode = usage ? 2 : 1;
}
