// Pushes the checkpoints of a folder:
//   CURIE_KEY=… npm run --silent push -- DIR --model NAME --url URL [--key-file F] [--parallel N] [--once]
// Without --once it goes on watching. Exit code 0 when all are in, 1 when some were refused, each named on stderr, 2 for
// an option or folder that cannot be read. The service knows what is in: whoever was killed begins again.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Client } from "../../trainer/src/client/client.ts";
import { retryDefaults } from "../../trainer/src/client/retry.ts";
import { pushInParts } from "./push-parts.ts";
import { stepOf } from "./push-step.ts";

const USAGE = "usage: npm run --silent push -- DIR --model NAME --url URL [--key-file F] [--parallel N] [--once]";
const REST_MS = 1000;
/** Larger files go straight to the store, in parts. */
const PARTS_FROM_BYTES = 32_000_000;
const RETRY = { ...retryDefaults, deadlineMs: 600_000, attemptMs: 300_000 };

class UsageError extends Error {}

function readOptions(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      model: { type: "string" },
      url: { type: "string" },
      "key-file": { type: "string" },
      parallel: { type: "string", default: "4" },
      once: { type: "boolean", default: false },
    },
  });
  const [folder, ...more] = positionals;
  const { model, url, parallel, once } = values;
  const file = values["key-file"];
  const key = file === undefined ? process.env["CURIE_KEY"] : readFileSync(file, "utf8").trim();
  if (folder === undefined || more.length > 0) throw new UsageError("name one folder");
  if (!model || !url) throw new UsageError("--model and --url are needed");
  if (!URL.canParse(url)) throw new UsageError(`--url must be an address, got "${url}"`);
  if (!key) throw new UsageError("the key is missing: --key-file or CURIE_KEY");
  if (!/^[1-9]\d?$/.test(parallel)) throw new UsageError(`--parallel must be 1 to 99, got "${parallel}"`);
  return { folder, model, url, key, parallel: Number(parallel), once };
}

/** What a file was when last looked at: it is pushed once two looks agree, as it may still be written. */
const looksOf = (folder: string) =>
  new Map(
    readdirSync(folder)
      .filter((name) => /^[^.].*\.(onnx|safetensors)$/.test(name))
      .flatMap((name): [string, string][] => {
        const stat = statSync(join(folder, name), { throwIfNoEntry: false });
        return stat?.isFile() ? [[name, `${stat.size} ${stat.mtimeMs}`]] : [];
      }),
  );

async function push(args: string[]): Promise<number> {
  const { folder, model, url, key, parallel, once } = readOptions(args);
  const client = new Client({ url, key, retry: RETRY });
  const handled = new Map<string, string>();
  let refused = 0;
  const pushFile = async (name: string) => {
    try {
      const step = stepOf(name);
      if (step === null) throw new Error("no step in the name");
      const path = join(folder, name);
      const { new: isNew } =
        statSync(path).size > PARTS_FROM_BYTES
          ? await pushInParts({ url, key, model, retry: RETRY }, step, path)
          : await client.pushCheckpoint(model, step, Uint8Array.from(await readFile(path)));
      console.log(`step ${step}: ${name} ${isNew ? "pushed" : "was in"}`);
    } catch (error) {
      refused += 1;
      console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  for (let before = looksOf(folder); ; ) {
    await pause(REST_MS);
    const now = looksOf(folder);
    const atRest = [...now].filter(([name, look]) => before.get(name) === look);
    const left = atRest.filter(([name, look]) => handled.get(name) !== look);
    left.sort(([a], [b]) => (stepOf(a) ?? 0) - (stepOf(b) ?? 0));
    for (const [name, look] of left) handled.set(name, look);
    const work = async () => {
      for (let next = left.shift(); next; next = left.shift()) await pushFile(next[0]);
    };
    await Promise.all(Array.from({ length: parallel }, work));
    before = now;
    if (once && atRest.length === now.size) return refused === 0 ? 0 : 1;
  }
}

try {
  process.exitCode = await push(process.argv.slice(2));
} catch (error) {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!(error instanceof UsageError) && !/^(ERR_PARSE_ARGS|ENO|EACCES)/.test(code)) throw error;
  console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  process.exitCode = 2;
}
