import { parseArgs } from "node:util";
import { readConfig } from "./config.ts";
import { readSettings, settingOptions } from "./flags.ts";
import { nearest } from "./nearest.ts";
import { presetNames, presetOf } from "./presets.ts";
import { defaults, type Settings } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

/** For parseArgs, beside a flag for every setting. */
export const choiceOptions = { preset: { type: "string" }, config: { type: "string" } } as const;

export const choiceHelp = `  --preset NAME          settings named after a paper (--list-presets of grok.ts says which there are)
  --config FILE          settings from JSON, like {"task": "divide", "learning-rate": 0.003}
  The config overrides the preset, and these override both:
`;

/** The settings of a command line. Throws UsageError. */
export async function chooseSettings(values: Readonly<Record<string, unknown>>): Promise<Settings> {
  const { preset, config } = values;
  const name = presetNames.find((name) => name === preset);
  if (typeof preset === "string" && name === undefined) {
    throw new UsageError(`there is no preset "${preset}": "${nearest(preset, presetNames)}" is the nearest`);
  }
  const fromPreset = name === undefined ? {} : presetOf(name).settings;
  const fromConfig = typeof config === "string" ? await readConfig(config) : {};
  return readSettings(values, { ...defaults, ...fromPreset, ...fromConfig });
}

/** Those of a run whose flags were written down, separated by spaces. */
export const settingsOf = (flags: string): Promise<Settings> =>
  chooseSettings(parseArgs({ args: flags.split(" "), options: { ...settingOptions, ...choiceOptions } }).values);
