// Fills an ensemble: one model per seed, and per value of one setting where it is varied, one after the other:
//   npm run sweep -- --url URL --key-file FILE --ensemble NAME [--seeds 5] [--vary weight-decay=0,0.1,1]
//                    [--out DIR] [--preset NAME] [--config FILE] [any setting of grok.ts]
// Models are named by what they differ in, so that a sweep that was stopped goes on where it was: what is pushed
// already is the same bytes. With --out each has a folder of its own there, and goes on from its last checkpoint.
import { join } from "node:path";
import { taskOf } from "../src/check-settings.ts";
import { choiceHelp, choiceOptions, chooseSettings } from "../src/choose-settings.ts";
import { countOf, runCommand, text, textOf, type Values } from "../src/command.ts";
import { settingOptions, settingsHelp } from "../src/flags.ts";
import { createProgress } from "../src/progress.ts";
import { makeFolder } from "../src/run-folder.ts";
import { readService } from "../src/service-flags.ts";
import type { Settings } from "../src/settings.ts";
import { UsageError } from "../src/usage-error.ts";
import { trainWatched } from "../src/watched.ts";

const USAGE = `sweep --url URL --key-file FILE --ensemble NAME [--seeds 5] [--vary SETTING=VALUE,VALUE…] [--out DIR]
  --url URL              service to push checkpoints to
  --key-file FILE        file with its key (or the key itself in CURIE_POINT_KEY)
  --ensemble NAME        of the models; each is named by it, its value and its seed
  --seeds N              models that differ by their seed alone (5)
  --vary SETTING=V,V…    so many for each of these values
  --out DIR              a folder there for each model, from which a sweep that was stopped goes on
${choiceHelp}${settingsHelp}A model that diverges is trained to its last step, as the ensemble is compared step by step, and its line says so; the
sweep exits with 0 all the same. With 2 for what cannot be trained as asked, with 1 for whatever goes wrong later.
`;

interface Member {
  readonly settings: Settings;
  readonly tags: readonly string[];
  readonly model: string;
}

async function membersOf(values: Values, ensemble: string): Promise<Member[]> {
  if (values["seed"] !== undefined) throw new UsageError("--seeds says how many seeds; drop --seed");
  const seeds = countOf(values, "seeds") ?? 5;
  const members: Member[] = [];
  for (const { changes, tags } of variationsOf(textOf(values, "vary"))) {
    for (let seed = 0; seed < seeds; seed++) {
      const settings = await chooseSettings({ ...values, ...changes, seed: String(seed) });
      // Before the first model is trained, not after hours. Seeds share their task.
      if (seed === 0) taskOf(settings);
      const model = [ensemble, ...tags.map((tag) => tag.replace(":", "-")), `seed${seed}`].join("-");
      members.push({ settings, tags, model });
    }
  }
  return members;
}

/** One entry without --vary; else one per value, which must be a setting's. */
function variationsOf(vary: string | undefined): { changes: Record<string, string>; tags: string[] }[] {
  if (vary === undefined) return [{ changes: {}, tags: [] }];
  const [, name = "", list = ""] = /^([^=]+)=(.+)$/.exec(vary) ?? [];
  const values = list.split(",");
  if (!Object.hasOwn(settingOptions, name) || name === "seed" || new Set(values).size < values.length) {
    throw new UsageError(
      `--vary must be a setting, not seed, and values that differ, like weight-decay=0,0.1,1; got "${vary}"`,
    );
  }
  return values.map((value) => ({ changes: { [name]: value }, tags: [`${name}:${value}`] }));
}

const own = { url: text, "key-file": text, ensemble: text, seeds: text, vary: text, out: text };

await runCommand(USAGE, { ...own, ...choiceOptions, ...settingOptions }, async (values) => {
  const [url, ensemble, out] = [textOf(values, "url"), textOf(values, "ensemble"), textOf(values, "out")];
  if (url === undefined || ensemble === undefined) throw new UsageError("give --url and --ensemble");
  const members = await membersOf(values, ensemble);
  const service = await readService(url, textOf(values, "key-file"));
  const preset = textOf(values, "preset");
  const common = { service, ensemble, throughDivergence: true, ...(preset !== undefined && { preset }) };
  if (out !== undefined) await makeFolder(out);
  for (const { settings, tags, model } of members) {
    const progress = createProgress(process.stderr, settings.steps);
    const kept = out !== undefined && { out: join(out, model), resume: true };
    const { verdict, divergedAt } = await trainWatched({ settings, model, tags, ...common, ...kept }, progress);
    const diverged = divergedAt === null ? "" : `  diverged by step ${divergedAt}`;
    console.log(`${model}  ${verdict?.verdict} as of step ${verdict?.asOfStep}${diverged}`);
  }
  // A setting whose values are words makes no axis.
  const [, setting] = /^([^=]+)=[-+.\de,]+$/i.exec(textOf(values, "vary") ?? "") ?? [];
  const query = setting === undefined ? "" : `?setting=${setting}`;
  console.error(`together: ${new URL(`ensembles/${ensemble}${query}`, service.url.replace(/\/?$/, "/"))}`);
  return undefined;
});
