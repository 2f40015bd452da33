// A verdict from a recorded history, without a server:
//   npm run --silent judge -- FILE [--json] [--through STEP] [--classes N] [--chance X]
// Exit code 0 with a verdict, whatever it says; 2 for a file or an option that cannot be read.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { DETECTOR_VERSION, judge, type Point, TrajectoryError, type Verdict } from "../phases/judge.ts";
import { HistoryError, parseHistory } from "./history.ts";

const USAGE = "usage: judge FILE [--json] [--through STEP] [--classes N] [--chance X]";

class UsageError extends Error {}

interface Options {
  file: string;
  json: boolean;
  through: number;
  chance: number | null;
}

function readOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      through: { type: "string" },
      classes: { type: "string" },
      chance: { type: "string" },
    },
  });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError(USAGE);
  if (values.classes !== undefined && values.chance !== undefined) {
    throw new UsageError("--classes and --chance say the same thing: give one");
  }
  const through = readOption(values.through, "--through", "a step, a whole number from 0", (n) => isWhole(n) && n >= 0);
  const classes = readOption(values.classes, "--classes", "a whole number from 2", (n) => isWhole(n) && n >= 2);
  const chance = readOption(values.chance, "--chance", "a fraction from 0 to below 1", (n) => n >= 0 && n < 1);
  return {
    file,
    json: values.json,
    through: through ?? Number.POSITIVE_INFINITY,
    chance: classes === null ? chance : 1 / classes,
  };
}

const isWhole = Number.isSafeInteger;

function readOption(text: string | undefined, name: string, expected: string, fits: (n: number) => boolean) {
  if (text === undefined) return null;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!fits(value)) throw new UsageError(`${name} expects ${expected}, got "${text}"`);
  return value;
}

function readPoints({ file, through }: Options): Point[] {
  const bytes = readFileSync(file);
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(packed ? gunzipSync(bytes) : bytes);
  return parseHistory(text).filter(({ step }) => step <= through);
}

function judgeFile(options: Options): Verdict {
  const points = readPoints(options);
  const { chance } = options;
  if (chance === null) return judge(points, {});
  const splits = new Set(points.flatMap((point) => Object.keys(point.splits)));
  return judge(points, { chance: Object.fromEntries([...splits].map((split) => [split, chance])) });
}

const toDocument = (verdict: Verdict) => ({
  detectorVersion: DETECTOR_VERSION,
  ...verdict,
  transitions: verdict.transitions.map((transition) => ({ id: null, ...transition })),
});

function toText(verdict: Verdict): string {
  const detail = verdict.route ?? verdict.kind;
  const lines = [`${verdict.verdict}${detail === null ? "" : ` (${detail})`}`, verdict.summary, ""];
  for (const { split, level, interval, total, phase } of verdict.evidence.splits) {
    const [low, high] = interval.map((edge) => edge.toFixed(3));
    lines.push(`${split.padEnd(20)} ${level.toFixed(3)}  [${low}, ${high}] of ${total}  ${phase}`);
  }
  for (const { kind, split, onsetStep, settledStep, detectedAtStep, from, to } of verdict.transitions) {
    const settled = settledStep === null ? "not settled" : `settled ${settledStep} at ${to?.toFixed(3)}`;
    lines.push(
      `${kind} of ${split}: onset ${onsetStep} from ${from.toFixed(3)}, ${settled}, detected ${detectedAtStep}`,
    );
  }
  if (verdict.benchmarkBlind) lines.push("validation alone would have passed this model");
  for (const { code, message } of verdict.caveats) lines.push(`${code}: ${message}`);
  return lines.join("\n").trimEnd();
}

/** One line that names what is wrong. Only failures of the input are expected; the rest is a bug and keeps its stack. */
function explain(error: unknown, file: string | undefined): string | null {
  if (!(error instanceof Error)) return null;
  if (error instanceof UsageError) return error.message;
  if (error instanceof HistoryError || error instanceof TrajectoryError) return `${file}: ${error.message}`;
  const code = "code" in error ? String(error.code) : "";
  if (code.startsWith("ERR_PARSE_ARGS")) return `${error.message.split(". ")[0]} (${USAGE})`;
  if (code === "ENOENT") return `${file}: no such file`;
  if (code === "EISDIR" || code === "EACCES") return `${file}: cannot be read (${code})`;
  if (code.startsWith("Z_")) return `${file}: expected whole gzip data (${error.message})`;
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return `${file}: expected UTF-8 text`;
  return null;
}

function main(args: string[]): number {
  let file: string | undefined;
  try {
    const options = readOptions(args);
    file = options.file;
    const verdict = judgeFile(options);
    console.log(options.json ? JSON.stringify(toDocument(verdict), null, 2) : toText(verdict));
    return 0;
  } catch (error) {
    const message = explain(error, file);
    if (message === null) throw error;
    console.error(message);
    return 2;
  }
}

process.exitCode = main(process.argv.slice(2));
