// Trains a network that groks and lets Curie Point watch: node trainer/src/grok.ts --help
import { parseArgs } from "node:util";
import { choiceHelp, choiceOptions, chooseSettings } from "./choose-settings.ts";
import { settingOptions, settingsHelp, UsageError } from "./flags.ts";
import { presetsHelp } from "./presets.ts";
import { createProgress } from "./progress.ts";
import { readService } from "./service-flags.ts";
import { defaults, type Settings } from "./settings.ts";
import { trainWatched, type WatchedOptions } from "./watched.ts";

const USAGE = `node trainer/src/grok.ts --url URL | --out DIR
  --url URL              service to push checkpoints to
  --key-file FILE        file with its key (or the key itself in CURIE_POINT_KEY)
  --model NAME           the model's name (add47-seed0)
  --suite NAME           the suite's name (add47)
  --ensemble NAME        the ensemble that the model belongs to
  --out DIR              write suite.safetensors, ckpt_000400.onnx and ckpt_000400.json there
  --resume               go on from the last checkpoint in DIR, where there is one
  --until VERDICT        end as soon as the service says so, like generalizer
  --dense-every N        steps between checkpoints while the service says transitioning
  --json                 print the service's verdict as the last line of stdout
  --list-presets         print the presets, and what of each paper they leave out
${choiceHelp}${settingsHelp}`;

interface Arguments extends WatchedOptions {
  readonly settings: Settings;
  readonly json: boolean;
  /** Whether a preset or a file had a say: then every setting is printed, as --config would read it. */
  readonly chosen: boolean;
  /** What to print instead of training. */
  readonly print: string | null;
}

async function readArguments(args: string[]): Promise<Arguments> {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseKnown({
    args,
    options: {
      ...{
        url: text,
        "key-file": text,
        model: text,
        suite: text,
        ensemble: text,
        out: text,
        until: text,
        "dense-every": text,
        resume: flag,
        json: flag,
        help: flag,
        "list-presets": flag,
      },
      ...choiceOptions,
      ...settingOptions,
    },
  });
  const print = values.help ? USAGE : values["list-presets"] ? presetsHelp : null;
  const settings = await chooseSettings(values);
  const { url, model, suite, ensemble, out, resume, json } = values;
  if (url === undefined && out === undefined && print === null) throw new UsageError("give --url, --out or both");
  if (url === undefined && json) throw new UsageError("--json prints the service's verdict: give --url");
  if (resume && out === undefined) throw new UsageError("--resume goes on from the files of --out: give both");
  const until = values.until === undefined ? undefined : readVerdict(values.until);
  const denseEvery = readDenseEvery(values["dense-every"]);
  if (url === undefined && (until ?? denseEvery) !== undefined) {
    throw new UsageError("--until and --dense-every listen to the service: give --url");
  }
  const service = url === undefined || print !== null ? undefined : await readService(url, values["key-file"]);
  return {
    settings,
    json,
    print,
    chosen: (values.preset ?? values.config) !== undefined,
    resume,
    ...(values.preset !== undefined && { preset: values.preset }),
    ...(service && { service }),
    ...(until !== undefined && { until }),
    ...(denseEvery !== undefined && { denseEvery }),
    ...(model !== undefined && { model }),
    ...(suite !== undefined && { suite }),
    ...(ensemble !== undefined && { ensemble }),
    ...(out !== undefined && { out }),
  };
}

/** parseArgs refuses unknown flags; its complaints are the user's to read, not a crash. */
const parseKnown: typeof parseArgs = (config) => {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};

const VERDICTS = [
  ...["insufficient_evidence", "underfit", "memorizer", "latent"],
  ...["transitioning", "partial_generalizer", "generalizer", "regressed"],
];

function readVerdict(text: string): string {
  if (!VERDICTS.includes(text)) throw new UsageError(`--until must be ${VERDICTS.join(" or ")}, got "${text}"`);
  return text;
}

function readDenseEvery(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`--dense-every must be a whole number from 1, got "${text}"`);
  return Number(text);
}

/** What is not as usual. The sidecars of checkpoints have all of it. */
function changesOf(settings: Settings): string {
  const usual = new Map<string, unknown>(Object.entries(defaults));
  const changes = Object.entries(settings).filter(
    ([name, value]) => name !== "seed" && JSON.stringify(value) !== JSON.stringify(usual.get(name)),
  );
  return changes.map(([name, value]) => `, ${name} ${JSON.stringify(value)}`).join("");
}

async function main(): Promise<void> {
  const { json, print, chosen, ...options } = await readArguments(process.argv.slice(2));
  if (print !== null) {
    process.stdout.write(print);
    return;
  }
  const progress = createProgress(process.stderr, options.settings.steps);
  progress.note(`training with seed ${options.settings.seed}${changesOf(options.settings)}`);
  if (chosen) progress.note(JSON.stringify(options.settings));
  const verdict = await trainWatched(options, progress);
  if (verdict === null) return;
  process.stderr.write(`${verdict.verdict} as of step ${verdict.asOfStep}: ${verdict["summary"] ?? ""}\n`);
  for (const { message } of verdict.caveats ?? []) process.stderr.write(`  but: ${message}\n`);
  if (json) process.stdout.write(`${JSON.stringify(verdict)}\n`);
}

try {
  await main();
} catch (error) {
  const usage = error instanceof UsageError;
  process.stderr.write(`${error instanceof Error ? error.message : error}\n${usage ? `\n${USAGE}` : ""}`);
  process.exitCode = usage ? 2 : 1;
}
