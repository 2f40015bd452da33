import { readFile } from "node:fs/promises";
import { flagOf, readSetting, settingNames } from "./flags.ts";
import { nearest } from "./nearest.ts";
import type { Settings } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Settings from a JSON file: keys are flags without their dashes, or the names that sidecars use, and values what the
 * flag takes, as a string or a number. `settings` of a checkpoint's sidecar is such a file. Throws UsageError.
 */
export async function readConfig(file: string): Promise<Partial<Settings>> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--config ${file} cannot be read: ${error.code ?? error.message}`);
  });
  return parseConfig(text, file);
}

export function parseConfig(text: string, file: string): Partial<Settings> {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new UsageError(`${file} must be an object like {"task": "add", "seed": 7}`);
  }
  const settings: Partial<Settings> = {};
  for (const [key, value] of Object.entries(config)) {
    const name = settingNames.find((name) => name === key || flagOf(name) === key);
    if (name === undefined) {
      throw new UsageError(`${file} has "${key}", which is no setting: "${nearest(key, settingNames)}" is the nearest`);
    }
    if (Object.hasOwn(settings, name)) throw new UsageError(`${file} has ${name} twice, once as "${key}"`);
    Object.assign(settings, { [name]: readSetting(name, `"${key}" in ${file}`, textOf(value, key, file)) });
  }
  return settings;
}

/** As the flag would have it; a list of [step, value] pairs is how sidecars write what changes on the way. */
function textOf(value: unknown, key: string, file: string): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  const pairs = Array.isArray(value) ? value : [];
  const isPair = (pair: unknown) =>
    Array.isArray(pair) && pair.length === 2 && pair.every((x) => typeof x === "number");
  if (pairs.length > 0 && pairs.every(isPair)) return pairs.map((pair) => pair.join(":")).join();
  throw new UsageError(`"${key}" in ${file} must be a string, a number or a list of [step, value] pairs`);
}
