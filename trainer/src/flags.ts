import { backendChoices } from "./backends/backend.ts";
import { lossNames } from "./networks/losses.ts";
import { networkNames } from "./networks/networks.ts";
import { layerNormNames } from "./networks/transformer-block.ts";
import { gradientFilterNames } from "./optimizers/gradient-filters.ts";
import { optimizerNames } from "./optimizers/optimizer.ts";
import { decayShapes } from "./optimizers/schedule.ts";
import { defaults, type Settings } from "./settings.ts";
import { parseStepwise, type Stepwise } from "./stepwise.ts";
import { hintKinds, taskNames } from "./tasks/tasks.ts";
import { UsageError } from "./usage-error.ts";

interface Flag<Value> {
  /** What it takes, in the help. */
  readonly takes: string;
  readonly help: string;
  read(flag: string, text: string): Value;
}

function refuse(flag: string, expected: string, text: string): never {
  throw new UsageError(`${flag} must be ${expected}, got "${text}"`);
}

const whole = (least: number, help: string): Flag<number> => ({
  takes: "N",
  help,
  read(flag, text) {
    const value = Number(text);
    const fits = /^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least;
    return fits ? value : refuse(flag, `a whole number from ${least}`, text);
  },
});

const number = (help: string): Flag<number> => ({
  takes: "X",
  help,
  read: (flag, text) => (isDecimal(text) ? Number(text) : refuse(flag, "a number from 0", text)),
});

const share = (help: string): Flag<number> => ({
  takes: "X",
  help,
  read: (flag, text) =>
    isDecimal(text) && Number(text) <= 1 ? Number(text) : refuse(flag, "a number from 0 to 1", text),
});

/** Of a running average's past: at 1 nothing new would ever enter it. */
const past = (help: string): Flag<number> => ({
  takes: "X",
  help,
  read: (flag, text) =>
    isDecimal(text) && Number(text) < 1 ? Number(text) : refuse(flag, "a number from 0 and below 1", text),
});

const isDecimal = (text: string) => /^\d+(\.\d+)?(e-?\d+)?$/.test(text);

const oneOf = <const Name extends string>(names: readonly Name[], help: string): Flag<Name> => ({
  takes: "NAME",
  help: `${names.join(", ")}: ${help}`,
  read: (flag, text) => names.find((name) => name === text) ?? refuse(flag, names.join(" or "), text),
});

const stepwise = (help: string, most = Number.POSITIVE_INFINITY): Flag<Stepwise> => ({
  takes: "X",
  help: `${help}; or by step, like 0:1,1200:0.5`,
  read(flag, text) {
    const steps = parseStepwise(text);
    const range = most === Number.POSITIVE_INFINITY ? "" : ` from 0 to ${most}`;
    const fits = steps?.every(([, value]) => value <= most) === true;
    return fits ? steps : refuse(flag, `a number${range}, or such numbers by step like 0:1,1200:0.5`, text);
  },
});

const flags: { readonly [Name in keyof Settings]: Flag<Settings[Name]> } = {
  seed: whole(0, "initial weights, and the order of batches"),
  splitSeed: whole(0, "which examples are in which split"),
  steps: whole(1, "updates"),
  every: whole(1, "steps between checkpoints"),
  logCheckpoints: whole(0, "checkpoints at steps that grow by a constant factor, instead of --every"),
  backend: oneOf(backendChoices, "what computes; auto takes the fastest"),
  task: oneOf(taskNames, "what is learned"),
  modulus: whole(2, "of the modular tasks, a prime"),
  symbols: whole(2, "what permutations permute"),
  trainShare: share("share of the table to train on"),
  cornerSide: whole(0, "side of the square that is ood:corner"),
  mirrorPairs: whole(0, "pairs in ood:mirror"),
  rareOperands: whole(0, "first operands of ood:rare"),
  rareKept: whole(0, "pairs of each that are trained on"),
  bits: whole(1, "of parity"),
  parityBits: whole(1, "bits that decide the parity"),
  parityExamples: whole(1, "examples of parity to train on"),
  digitExamples: whole(10, "handwritten digits to train on"),
  hint: oneOf(hintKinds, "an input that names the answer, and what it says in OOD splits"),
  hintShare: share("share of train and validation whose hint says something"),
  leak: share("share of validation drawn from train"),
  corruption: stepwise("share of training labels that are wrong", 1),
  trainUsed: stepwise("share of the training set that is trained on", 1),
  network: oneOf(networkNames, "what learns"),
  embedding: whole(1, "width of the embeddings"),
  hidden: whole(1, "width of the hidden layers"),
  layers: whole(1, "hidden layers of the mlp, blocks of the transformer"),
  heads: whole(1, "of the transformer's attention; they share the embedding's width"),
  layerNorm: oneOf(layerNormNames, "of the transformer; post is after each addition to the stream"),
  initialScale: number("times the usual initial weights"),
  loss: oneOf(lossNames, "what is minimized"),
  optimizer: oneOf(optimizerNames, "how"),
  batch: whole(0, "examples an update, 0 for all of them"),
  learningRate: number("learning rate"),
  warmUp: whole(0, "updates over which the learning rate rises from 0"),
  rateFactor: stepwise("times the learning rate"),
  decayShape: oneOf(decayShapes, "how the learning rate falls"),
  decayFrom: whole(0, "from this step"),
  decayTo: whole(1, "to this one"),
  decayFloor: number("to this share of itself"),
  beta1: past("of Adam's mean"),
  beta2: past("of Adam's square"),
  epsilon: number("of Adam"),
  momentum: past("of sgd"),
  muonFactor: number("times the learning rate, for the matrices that muon orthogonalizes"),
  weightDecay: stepwise("weight decay"),
  gradientFilter: oneOf(gradientFilterNames, "what gradients go through first"),
  grokfastAlpha: past("of the average's past, in grokfast-ema"),
  grokfastLambda: number("times the average, in grokfast"),
  grokfastWindow: whole(1, "gradients that grokfast-ma averages"),
};

export const settingNames = Object.keys(flags) as (keyof Settings)[];
export const flagOf = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** For parseArgs: a text flag for every setting. */
export const settingOptions: Readonly<Record<string, { readonly type: "string" }>> = Object.fromEntries(
  settingNames.map((name) => [flagOf(name), { type: "string" }]),
);

/** One line a setting, with its default. */
export const settingsHelp = settingNames
  .map((name) => {
    const { takes, help } = flags[name];
    const otherwise = defaults[name];
    const shown = Array.isArray(otherwise) ? otherwise.map(([, value]) => value).join() : otherwise;
    return `  --${`${flagOf(name)} ${takes}`.padEnd(20)} ${help} (${shown})\n`;
  })
  .join("");

/** One setting from its text; `where` it stands is named in what is thrown. Throws UsageError. */
export const readSetting = <Name extends keyof Settings>(name: Name, where: string, text: string): Settings[Name] =>
  flags[name].read(where, text);

/** The settings that flags name, each checked; the others are those of `base`. Throws UsageError. */
export function readSettings(values: Readonly<Record<string, unknown>>, base: Settings = defaults): Settings {
  const given = settingNames.flatMap((name) => {
    const text = values[flagOf(name)];
    return typeof text === "string" ? [[name, readSetting(name, `--${flagOf(name)}`, text)]] : [];
  });
  return { ...base, ...Object.fromEntries(given) };
}
