// A verdict from a recorded history, without a server:
//   npm run --silent judge -- FILE... [--json] [--map COLUMN=NAME] [--total SPLIT=N] [--through STEP] …
// Exit code 0 with a verdict, whatever it says; 2 for a file or an option that cannot be read, with one line that says
// where. Warnings about what was read go to stderr and change neither.

import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { HistoryError, readHistory, type Source } from "../history/history.ts";
import { DEFAULT_POLICY, judge, type Point, type Policy, TrajectoryError, type Verdict } from "../phases/judge.ts";
import { type Options, readOptions, USAGE, UsageError } from "./judge-options.ts";
import { toDocument, toText } from "./judge-text.ts";

/** A failure of one file, under the name that the message gives it. */
class FileError extends Error {
  constructor(file: string, cause: unknown) {
    super(file, { cause });
  }
}

const nameOf = (file: string): string => (file === "-" ? "standard input" : file);

async function readText(file: string): Promise<string> {
  try {
    const bytes = file === "-" ? await buffer(process.stdin) : readFileSync(file);
    const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(packed ? gunzipSync(bytes) : bytes);
  } catch (error) {
    throw new FileError(nameOf(file), error);
  }
}

async function judgeFiles(options: Options): Promise<{ verdict: Verdict; warnings: string[] }> {
  const sources: Source[] = [];
  for (const file of options.files) sources.push({ name: nameOf(file), text: await readText(file) });
  const policy = options.policy === null ? null : readPolicy(await readText(options.policy), options.policy);
  const { points, warnings } = readHistory(sources, options.history);
  const judged = points.filter(({ step }) => step <= options.through);
  const chance = chanceOf(points, options);
  return {
    verdict: judge(judged, { ...(chance !== null && { chance }), ...(policy !== null && { policy }) }),
    warnings,
  };
}

/** Null where nothing was said of chance, so that the history is asked. */
function chanceOf(points: readonly Point[], { chance, chanceOf: named }: Options): Record<string, number> | null {
  const splits = new Set(points.flatMap((point) => Object.keys(point.splits)));
  for (const split of named.keys()) {
    if (!splits.has(split))
      throw new UsageError(`--chance ${split}: the history has ${[...splits].join(", ") || "no splits"}`);
  }
  const known = [...splits].flatMap((split): [string, number][] => {
    const value = named.get(split) ?? chance;
    return value === null ? [] : [[split, value]];
  });
  return known.length === 0 ? null : Object.fromEntries(known);
}

/** A JSON object of the policy's own names; what its numbers must be, `judge` checks. */
function readPolicy(text: string, file: string): Policy {
  const names = Object.keys(DEFAULT_POLICY);
  const refuse = (what: string) =>
    new UsageError(`--policy ${file}: expected a JSON object of ${names.join(", ")}, ${what}`);
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    throw refuse("got no JSON");
  }
  if (typeof policy !== "object" || policy === null || Array.isArray(policy)) throw refuse("got another value");
  for (const [name, value] of Object.entries(policy)) {
    const known = Object.entries(DEFAULT_POLICY).find(([key]) => key === name);
    if (known === undefined || typeof known[1] !== typeof value) throw refuse(`got ${name}: ${JSON.stringify(value)}`);
  }
  return policy;
}

/** One line that names what is wrong. Only failures of the input are expected; the rest is a bug and keeps its stack. */
function explain(error: unknown): string | null {
  if (error instanceof UsageError || error instanceof HistoryError || error instanceof TrajectoryError)
    return error.message;
  const file = error instanceof FileError ? error.message : "";
  const cause = error instanceof FileError ? error.cause : error;
  if (!(cause instanceof Error)) return null;
  const code = "code" in cause ? String(cause.code) : "";
  if (code.startsWith("ERR_PARSE_ARGS")) return `${cause.message.split(". ")[0]} (${USAGE})`;
  if (code === "ENOENT") return `${file}: no such file`;
  if (file !== "" && ("syscall" in cause || code.endsWith("_TOO_LARGE") || code.endsWith("_TOO_LONG"))) {
    return `${file}: cannot be read (${code})`;
  }
  if (code.startsWith("Z_")) return `${file}: expected whole gzip data (${cause.message})`;
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return `${file}: expected UTF-8 text`;
  return null;
}

async function main(args: string[]): Promise<number> {
  try {
    const options = readOptions(args);
    const { verdict, warnings } = await judgeFiles(options);
    for (const warning of warnings) console.error(`warning: ${warning}`);
    console.log(options.json ? JSON.stringify(toDocument(verdict), null, 2) : toText(verdict));
    return 0;
  } catch (error) {
    const message = explain(error);
    if (message === null) throw error;
    // One line, whatever stands in a file's or an option's name.
    console.error(message.replace(/\s+/g, " "));
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
