// Pushes the checkpoints of a folder:
//   CURIE_POINT_KEY=… npm run --silent push -- DIR --model NAME --url URL [--key-file F] [--parallel N] [--once]
// Without --once it goes on watching. Exit code 0 when all are in, 1 when some are not, each named on stderr, 2 for an
// option or folder that cannot be read. The service knows what is in: whoever was killed begins again.

import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import pLimit from "p-limit";
import { Client } from "../../trainer/src/client/client.ts";
import { ServiceUnavailable } from "../../trainer/src/client/errors.ts";
import { retryDefaults } from "../../trainer/src/client/retry.ts";
import { type FoundFile, findFiles } from "./push-folder.ts";
import { type PushOptions, readOptions, USAGE, UsageError } from "./push-options.ts";
import { type PartsTarget, pushInParts } from "./push-parts.ts";
import { createProgress, type FileProgress } from "./push-progress.ts";
import { stepOf } from "./push-step.ts";

/** A file is left until two looks, so far apart, find it the same: it may still be written. */
const REST_MS = 1000;
/** Larger files go straight to the store, in parts. */
const PARTS_FROM_BYTES = 32_000_000;
const RETRY = { ...retryDefaults, deadlineMs: 600_000, attemptMs: 300_000 };

async function push(options: PushOptions): Promise<number> {
  const { folder, parallel, once } = options;
  const progress = createProgress();
  const files = pLimit(parallel);
  const target = { ...options, retry: RETRY, limit: pLimit(parallel) };
  const client = new Client(target);
  const handled = new Map<string, string>();
  let refused = 0;
  const handle = async (file: FoundFile) => {
    const bar = progress.begin(file.name, file.bytes);
    try {
      bar.end(await pushFile(client, target, file, bar));
      handled.set(file.name, file.look);
    } catch (error) {
      bar.fail(`${file.name}: ${error instanceof Error ? error.message : String(error)}`);
      // What the service has not refused is tried again.
      if (error instanceof ServiceUnavailable && !once) return;
      refused += 1;
      handled.set(file.name, file.look);
    }
  };
  try {
    for (let before = findFiles(folder); ; ) {
      await pause(REST_MS);
      const now = findFiles(folder);
      const atRest = now.filter(({ name, look }) => before.some((file) => file.name === name && file.look === look));
      const left = atRest.filter(({ name, look }) => handled.get(name) !== look);
      await Promise.all(left.map((file) => files(() => handle(file))));
      before = now;
      if (once && atRest.length === now.length) return refused === 0 ? 0 : 1;
    }
  } finally {
    progress.close();
  }
}

/** The line that tells of it. */
async function pushFile(client: Client, target: PartsTarget, file: FoundFile, bar: FileProgress): Promise<string> {
  const step = stepOf(file.name);
  if (step === null) throw new Error("no step in the name");
  const inParts = file.bytes > PARTS_FROM_BYTES;
  const { new: isNew } = inParts
    ? await pushInParts(target, step, file, bar)
    : await pushWhole(client, target, step, file, bar);
  return `step ${step}: ${file.name} ${isNew ? "pushed" : "was in"}`;
}

async function pushWhole(
  client: Client,
  { model, limit }: PartsTarget,
  step: number,
  { path, bytes }: FoundFile,
  bar: FileProgress,
): Promise<{ new: boolean }> {
  return await limit(async () => {
    const body = Uint8Array.from(await readFile(path));
    bar.stage("sending");
    const answer = await client.pushCheckpoint(model, step, body);
    bar.add(bytes);
    return answer;
  });
}

try {
  process.exitCode = await push(readOptions(process.argv.slice(2)));
} catch (error) {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!(error instanceof UsageError) && !/^(ERR_PARSE_ARGS|ENO|EACCES)/.test(code)) throw error;
  console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  process.exitCode = 2;
}
