import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

export const USAGE =
  "usage: npm run --silent push -- DIR --model NAME --url URL [--key-file F] [--parallel N] [--once]";

/** An option that cannot be read: the person is told, and shown the usage. */
export class UsageError extends Error {}

export interface PushOptions {
  folder: string;
  model: string;
  url: string;
  key: string;
  /** Files and parts on their way at once. */
  parallel: number;
  /** End when all that is there is in, instead of watching on. */
  once: boolean;
}

/** @throws UsageError; errors of parseArgs and of reading the key's file */
export function readOptions(args: string[]): PushOptions {
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
  const key = file === undefined ? process.env["CURIE_POINT_KEY"] : readFileSync(file, "utf8").trim();
  if (folder === undefined || more.length > 0) throw new UsageError("name one folder");
  if (!model || !url) throw new UsageError("--model and --url are needed");
  // "localhost:8787" can be parsed, as an address of the scheme "localhost".
  const { protocol } = URL.canParse(url) ? new URL(url) : { protocol: "" };
  if (!/^https?:$/.test(protocol)) throw new UsageError(`--url must be an address like http://…, got "${url}"`);
  if (!key) throw new UsageError("the key is missing: --key-file or CURIE_POINT_KEY");
  if (!/^[1-9]\d?$/.test(parallel)) throw new UsageError(`--parallel must be 1 to 99, got "${parallel}"`);
  return { folder, model, url, key, parallel: Number(parallel), once };
}
