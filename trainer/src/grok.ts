// Trains a network that groks and lets Curie Point watch: npm run grok -- --help
import { choiceHelp, choiceOptions, chooseSettings } from "./choose-settings.ts";
import { countOf, DIVERGED, flag, runCommand, text, textOf, type Values } from "./command.ts";
import { settingOptions, settingsHelp } from "./flags.ts";
import { presetsHelp } from "./presets.ts";
import { createProgress } from "./progress.ts";
import { readService } from "./service-flags.ts";
import { defaults, type Settings } from "./settings.ts";
import { UsageError } from "./usage-error.ts";
import { trainWatched, type WatchedOptions } from "./watched.ts";

const USAGE = `grok --url URL | --out DIR
  --url URL              service to push checkpoints to
  --key-file FILE        file with its key (or the key itself in CURIE_POINT_KEY)
  --model NAME           the model's name (add47-seed0)
  --suite NAME           the suite's name (add47)
  --ensemble NAME        the ensemble that the model belongs to
  --out DIR              write suite.safetensors, ckpt_000400.onnx and ckpt_000400.json there; it must hold no other run
  --resume               go on from the last checkpoint in DIR, where there is one
  --until VERDICT        end as soon as the service says so, like generalizer
  --dense-every N        steps between checkpoints while the service says transitioning
  --through-divergence   train to the last step where weights are no finite numbers any more, and exit with 0
  --json                 print the service's verdict as the last line of stdout
  --list-presets         print the presets, and what of each paper they leave out
${choiceHelp}${settingsHelp}Exits with 0 at the run's end, whatever the verdict; with 3 where it diverged: what there is is kept and pushed, and the
run ends with the first checkpoint that has a weight that is no finite number. With 2 for what cannot be trained as
asked, before anything is; with 1 for whatever goes wrong later.
`;

const options = {
  ...{ url: text, "key-file": text, model: text, suite: text, ensemble: text, out: text, until: text },
  ...{ "dense-every": text, resume: flag, "through-divergence": flag, json: flag, "list-presets": flag },
  ...choiceOptions,
  ...settingOptions,
};

interface Arguments extends WatchedOptions {
  readonly settings: Settings;
}

async function readArguments(values: Values): Promise<Arguments> {
  const settings = await chooseSettings(values);
  const [url, out, preset] = [textOf(values, "url"), textOf(values, "out"), textOf(values, "preset")];
  const [model, suite, ensemble] = [textOf(values, "model"), textOf(values, "suite"), textOf(values, "ensemble")];
  const resume = values["resume"] === true;
  if (url === undefined && out === undefined) throw new UsageError("give --url, --out or both");
  if (resume && out === undefined) throw new UsageError("--resume goes on from the files of --out: give both");
  for (const name of ["json", "until", "dense-every", "key-file", "model", "suite", "ensemble"]) {
    if (url !== undefined || values[name] === undefined) continue;
    throw new UsageError(`--${name} is for the service: give --url, or drop it`);
  }
  const until = readVerdict(textOf(values, "until"));
  const denseEvery = countOf(values, "dense-every");
  const service = url === undefined ? undefined : await readService(url, textOf(values, "key-file"));
  return {
    settings,
    resume,
    throughDivergence: values["through-divergence"] === true,
    ...(preset !== undefined && { preset }),
    ...(service && { service }),
    ...(until !== undefined && { until }),
    ...(denseEvery !== undefined && { denseEvery }),
    ...(model !== undefined && { model }),
    ...(suite !== undefined && { suite }),
    ...(ensemble !== undefined && { ensemble }),
    ...(out !== undefined && { out }),
  };
}

const VERDICTS = [
  ...["insufficient_evidence", "underfit", "memorizer", "latent"],
  ...["transitioning", "partial_generalizer", "generalizer", "regressed"],
];

function readVerdict(text: string | undefined): string | undefined {
  if (text === undefined || VERDICTS.includes(text)) return text;
  throw new UsageError(`--until must be ${VERDICTS.join(" or ")}, got "${text}"`);
}

/** What is not as usual. The sidecars of checkpoints have all of it. */
function changesOf(settings: Settings): string {
  const usual = new Map<string, unknown>(Object.entries(defaults));
  const changes = Object.entries(settings).filter(
    ([name, value]) => name !== "seed" && JSON.stringify(value) !== JSON.stringify(usual.get(name)),
  );
  return changes.map(([name, value]) => `, ${name} ${JSON.stringify(value)}`).join("");
}

await runCommand(USAGE, options, async (values) => {
  if (values["list-presets"] === true) {
    process.stdout.write(presetsHelp);
    return;
  }
  const { settings, ...asked } = await readArguments(values);
  const progress = createProgress(process.stderr, settings.steps);
  progress.note(`training with seed ${settings.seed}${changesOf(settings)}`);
  // Where a preset or a file had a say: every setting, as --config would read it.
  if ((values["preset"] ?? values["config"]) !== undefined) progress.note(JSON.stringify(settings));
  const { verdict, divergedAt } = await trainWatched({ settings, ...asked }, progress);
  if (verdict !== null) {
    process.stderr.write(`${verdict.verdict} as of step ${verdict.asOfStep}: ${verdict["summary"] ?? ""}\n`);
    for (const { message } of verdict.caveats ?? []) process.stderr.write(`  but: ${message}\n`);
    if (values["json"] === true) process.stdout.write(`${JSON.stringify(verdict)}\n`);
  }
  if (divergedAt === null || asked.throughDivergence) return;
  process.stderr.write(`the run diverged: a smaller --learning-rate or a longer --warm-up may hold it\n`);
  return DIVERGED;
});
