// What runs that differ by seed, or by one swept setting too, say together, without a server:
//   npm run --silent ensemble -- FILE… [--json] [--classes N] [--chance X] [--gap STEPS] [--setting NAME | --setting FILE=VALUE …]
// A setting is the number after NAME in each file's name (wd in add_wd0.01_s3.csv), or told file by file; --size, of
// the same form, names the size that cumulants are compared across. Exit code 0 with an answer, though it be that the
// runs cannot tell; 2 for a file or an option that cannot be read.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { HistoryError, readHistory } from "../history/history.ts";
import { diagnoseEnsemble, diagnoseSweep, type Member } from "../phases/criticality.ts";
import { type Point, TrajectoryError } from "../phases/judge.ts";
import { ensembleText, sweepText } from "./ensemble-text.ts";

const USAGE =
  "usage: ensemble FILE… [--json] [--classes N] [--chance X] [--gap STEPS] [--setting NAME | --setting FILE=VALUE …] [--size NAME]";

class UsageError extends Error {}

interface Options {
  files: string[];
  json: boolean;
  chance: number | null;
  /** From train's reaching 90% to the deciding splits' that parts comprehension from grokking. */
  gap: number | null;
  settings: string[];
  sizes: string[];
}

function readOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      classes: { type: "string" },
      chance: { type: "string" },
      gap: { type: "string" },
      setting: { type: "string", multiple: true, default: [] },
      size: { type: "string", multiple: true, default: [] },
    },
  });
  if (positionals.length === 0) throw new UsageError(USAGE);
  const { classes, chance, setting, size, json } = values;
  if (classes !== undefined && chance !== undefined) {
    throw new UsageError("--classes and --chance say the same thing: give one");
  }
  if (size.length > 0 && setting.length === 0) throw new UsageError("--size compares sweeps: give --setting too");
  const count = readNumber(classes, "--classes", "a whole number from 2", (n) => Number.isSafeInteger(n) && n >= 2);
  const rate = readNumber(chance, "--chance", "a fraction from 0 to below 1", (n) => n >= 0 && n < 1);
  const gap = readNumber(values.gap, "--gap", "a number of steps from 0", (n) => Number.isFinite(n) && n >= 0);
  const repeated = positionals.find((file, i) => positionals.indexOf(file) !== i);
  if (repeated !== undefined) throw new UsageError(`${repeated} is given twice: a run counts once`);
  const guess = count === null ? rate : 1 / count;
  return { files: positionals, json, chance: guess, gap, settings: setting, sizes: size };
}

function readNumber(text: string | undefined, name: string, expected: string, fits: (n: number) => boolean) {
  if (text === undefined) return null;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!fits(value)) throw new UsageError(`${name} expects ${expected}, got "${text}"`);
  return value;
}

/** The file's value of an option; null where the option is not given. Throws `UsageError` where it leaves it open. */
function numberFor(file: string, option: string, given: readonly string[]): number | null {
  if (given.length === 0) return null;
  const told = given.filter((text) => text.includes("="));
  for (const text of told) {
    const end = text.lastIndexOf("=");
    const name = text.slice(0, end);
    if (name !== file && name !== basename(file)) continue;
    return readNumber(text.slice(end + 1), `${option} ${name}=`, "a finite number", Number.isFinite);
  }
  const [name, ...more] = given.filter((text) => !text.includes("="));
  if (more.length > 0) throw new UsageError(`${option} takes one NAME, got ${[name, ...more].join(" and ")}`);
  if (name === undefined)
    throw new UsageError(`${file}: no ${option} given for it: add ${option} ${basename(file)}=VALUE`);
  // Whole words only: d must not be found in wd0.01.
  const number = /^[=_-]?([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\da-z])/i;
  for (const part of nameOf(file).split(new RegExp(`(?<![A-Za-z0-9])(?=${literal(name)})`))) {
    const match = part.startsWith(name) ? number.exec(part.slice(name.length)) : null;
    if (match?.[1] !== undefined) return Number(match[1]);
  }
  throw new UsageError(`${file}: expected a number after "${name}" in its name, or ${option} ${basename(file)}=VALUE`);
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

const nameOf = (file: string): string => basename(file).replace(/(\.(csv|jsonl|json|gz))+$/i, "");

function readPoints(file: string): Point[] {
  const bytes = readFileSync(file);
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(packed ? gunzipSync(bytes) : bytes);
  const { points, warnings } = readHistory([{ name: file, text }]);
  for (const warning of warnings) console.error(`warning: ${warning}`);
  return points;
}

function readMember(file: string, { chance, settings, sizes }: Options): Member {
  const [setting, size] = [numberFor(file, "--setting", settings), numberFor(file, "--size", sizes)];
  const points = readPoints(file);
  const splits = new Set(points.flatMap((point) => Object.keys(point.splits)));
  const chances = chance === null ? {} : { chance: Object.fromEntries([...splits].map((split) => [split, chance])) };
  return { name: file, points, options: chances, setting, size };
}

/** One line that names what is wrong. Only failures of the input are expected; the rest is a bug and keeps its stack. */
function explain(error: unknown, file: string | undefined): string | null {
  if (!(error instanceof Error)) return null;
  if (error instanceof UsageError || error instanceof HistoryError || error instanceof TrajectoryError)
    return error.message;
  const code = "code" in error ? String(error.code) : "";
  if (code.startsWith("ERR_PARSE_ARGS")) return `${error.message.split(". ")[0]} (${USAGE})`;
  if (code === "ENOENT") return `${file}: no such file`;
  if ("syscall" in error || code.endsWith("_TOO_LARGE") || code.endsWith("_TOO_LONG")) {
    return `${file}: cannot be read (${code})`;
  }
  if (code.startsWith("Z_")) return `${file}: expected whole gzip data (${error.message})`;
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return `${file}: expected UTF-8 text`;
  return null;
}

function main(args: string[]): number {
  let file: string | undefined;
  try {
    const options = readOptions(args);
    const members = options.files.map((name) => {
      file = name;
      return readMember(name, options);
    });
    const outcomes = options.gap === null ? {} : { gap: options.gap };
    if (options.settings.length === 0) {
      const ensemble = diagnoseEnsemble(members, { outcomes });
      console.log(options.json ? JSON.stringify(ensemble, null, 2) : ensembleText(ensemble));
    } else {
      const sweep = diagnoseSweep(members, { outcomes });
      console.log(options.json ? JSON.stringify(sweep, null, 2) : sweepText(sweep));
    }
    return 0;
  } catch (error) {
    const message = explain(error, file);
    if (message === null) throw error;
    // One line, whatever stands in a file's or an option's name.
    console.error(message.replace(/\s+/g, " "));
    return 2;
  }
}

process.exitCode = main(process.argv.slice(2));
