// The command line of `judge`: every option is read and checked before any file is.

import { parseArgs } from "node:util";
import { type ColumnMap, type HistoryOptions, parseTarget, TARGETS } from "../history/history.ts";

export const USAGE =
  "usage: judge FILE... [--json] [--map COLUMN=NAME]... [--total SPLIT=N]... [--percent] [--missing TEXT]... " +
  "[--run NAME] [--through STEP] [--classes N] [--chance [SPLIT=]X]... [--policy FILE]";

/** An option that cannot be read. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface Options {
  /** Files of one run; `-` is the standard input. */
  files: string[];
  json: boolean;
  /** The last step to read. */
  through: number;
  history: HistoryOptions;
  /** Accuracy of guessing on every split that `chanceOf` does not name; null to take it from the history. */
  chance: number | null;
  chanceOf: ReadonlyMap<string, number>;
  policy: string | null;
}

const MANY = { type: "string", multiple: true, default: [] as string[] } as const;

/** Throws `UsageError`, and parseArgs' own errors (`ERR_PARSE_ARGS_*`) for options that there are none of. */
export function readOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      percent: { type: "boolean", default: false },
      map: MANY,
      total: MANY,
      missing: MANY,
      chance: MANY,
      run: { type: "string" },
      through: { type: "string" },
      classes: { type: "string" },
      policy: { type: "string" },
    },
  });
  if (positionals.length === 0) throw new UsageError(USAGE);
  if (positionals.filter((file) => file === "-").length > 1) throw new UsageError("- (standard input) is there once");
  const [chances, everywhere] = readChances(values.chance);
  if (values.classes !== undefined && everywhere !== null) {
    throw new UsageError("--classes and --chance say the same thing: give one");
  }
  const classes = readNumber(values.classes, "--classes", "a whole number from 2", (n) => isWhole(n) && n >= 2);
  const through = readNumber(values.through, "--through", "a step, a whole number from 0", (n) => isWhole(n) && n >= 0);
  return {
    files: positionals,
    json: values.json,
    through: through ?? Number.POSITIVE_INFINITY,
    history: {
      map: readMaps(values.map),
      totals: readTotals(values.total),
      percent: values.percent,
      missing: new Set(values.missing.map((text) => text.trim())),
      run: values.run ?? null,
    },
    chance: classes === null ? everywhere : 1 / classes,
    chanceOf: chances,
    policy: values.policy ?? null,
  };
}

const isWhole = Number.isSafeInteger;

function readNumber(text: string | undefined, name: string, expected: string, fits: (n: number) => boolean) {
  if (text === undefined) return null;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!fits(value)) throw new UsageError(`${name} expects ${expected}, got "${text}"`);
  return value;
}

/** Either side may have a `=` in it: the last one that leaves a name of ours divides them. */
function readMaps(texts: readonly string[]): ColumnMap {
  const map = new Map<string, string>();
  for (const text of texts) {
    const [source, name] = divide(text, (right) => parseTarget(right) !== null) ?? [];
    if (source === undefined || name === undefined) {
      throw new UsageError(`--map expects COLUMN=NAME with a name of ${TARGETS}, got "${text}"`);
    }
    if ((map.get(source) ?? name) !== name) throw new UsageError(`--map: "${source}" is there twice`);
    map.set(source, name);
  }
  return map;
}

function divide(text: string, fits: (right: string) => boolean): [string, string] | null {
  for (let at = text.lastIndexOf("="); at > 0; at = text.lastIndexOf("=", at - 1)) {
    const right = text.slice(at + 1).trim();
    if (fits(right)) return [text.slice(0, at).trim(), right];
  }
  return null;
}

const isSplit = (name: string): boolean => parseTarget(`${name}_total`)?.kind === "result";

function readTotals(texts: readonly string[]): Map<string, number> {
  return readOfSplits(texts, "--total", "SPLIT=N with N a whole number from 1", (n) => isWhole(n) && n >= 1);
}

function readChances(texts: readonly string[]): [Map<string, number>, number | null] {
  const fits = (n: number) => n >= 0 && n < 1;
  const everywhere = texts.filter((text) => !text.includes("="));
  if (everywhere.length > 1) throw new UsageError("--chance X is there twice: give one, or --chance SPLIT=X");
  const named = texts.filter((text) => text.includes("="));
  return [
    readOfSplits(named, "--chance", "[SPLIT=]X with X a fraction from 0 to below 1", fits),
    readNumber(everywhere[0], "--chance", "a fraction from 0 to below 1", fits),
  ];
}

function readOfSplits(texts: readonly string[], name: string, expected: string, fits: (n: number) => boolean) {
  const read = new Map<string, number>();
  for (const text of texts) {
    const [split, value] = readOfSplit(text, name, expected, fits);
    if ((read.get(split) ?? value) !== value) throw new UsageError(`${name}: ${split} is there twice`);
    read.set(split, value);
  }
  return read;
}

function readOfSplit(text: string, name: string, expected: string, fits: (n: number) => boolean): [string, number] {
  const at = text.lastIndexOf("=");
  const split = text.slice(0, at).trim();
  const written = text.slice(at + 1).trim();
  const value = written === "" ? Number.NaN : Number(written);
  if (at < 1 || !isSplit(split) || !fits(value)) {
    throw new UsageError(`${name} expects ${expected} and a split train, validation, ood or ood:<name>, got "${text}"`);
  }
  return [split, value];
}
