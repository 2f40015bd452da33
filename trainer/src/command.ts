import { parseArgs } from "node:util";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage-error.ts";

export type Options = Readonly<Record<string, { readonly type: "string" | "boolean" }>>;
export type Values = Readonly<Record<string, string | boolean | undefined>>;

// The exit statuses of the commands.
const FAILED = 1;
const MISUSED = 2;
export const DIVERGED = 3;

/**
 * Reads the flags, prints `usage` for --help, and else runs `main`, whose number is the exit status. A mistake in what
 * was asked for ends with 2, whatever else goes wrong with 1; a sentence on stderr says what.
 */
export async function runCommand(
  usage: string,
  options: Options,
  main: (values: Values) => Promise<number | undefined>,
): Promise<void> {
  try {
    const values = parse({ ...options, help: flag });
    // What a script has no value for: as a folder it would be the present one.
    const empty = Object.keys(values).find((name) => values[name] === "");
    if (empty !== undefined) throw new UsageError(`--${empty} must have a value, got ""`);
    if (values["help"] === true) process.stdout.write(usage);
    else process.exitCode = (await main(values)) ?? 0;
  } catch (error) {
    const misused = error instanceof UsageError;
    const sentence = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${sentence}\n${misused ? "--help tells of every flag\n" : ""}`);
    process.exitCode = misused ? MISUSED : FAILED;
  }
}

/** parseArgs refuses unknown flags; its complaints are the user's to read, not a crash. */
function parse(options: Options): Values {
  try {
    return parseArgs({ options }).values as Values; // of options without `multiple` there is one value each
  } catch (error) {
    const sentence = error instanceof Error ? error.message : String(error);
    const unknown = /^Unknown option '--([^']+)'/.exec(sentence)?.[1];
    if (unknown === undefined) throw new UsageError(sentence);
    throw new UsageError(`there is no flag --${unknown}: --${nearest(unknown, Object.keys(options))} is the nearest`);
  }
}

export const text = { type: "string" } as const;
export const flag = { type: "boolean" } as const;

/** The text of a flag, or undefined where it was not given. */
export function textOf(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** A whole number from 1 by its flag. Throws UsageError. */
export function countOf(values: Values, name: string): number | undefined {
  const given = textOf(values, name);
  if (given === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(given) || !Number.isSafeInteger(Number(given))) {
    throw new UsageError(`--${name} must be a whole number from 1, got "${given}"`);
  }
  return Number(given);
}
