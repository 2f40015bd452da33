import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { codeOf, StackError } from "./errors.ts";
import { ROOT } from "./root.ts";

/** What the runtime needs to know of a Worker, all of it from wrangler.toml and the bundle. */
export interface WorkerManifest {
  name: string;
  compatibilityDate: string;
  compatibilityFlags: string[];
  vars: Record<string, string>;
  crons: string[];
  producers: { binding: string; queue: string }[];
  consumers: {
    queue: string;
    maxBatchSize: number;
    maxRetries: number;
    retryDelaySeconds: number;
    /** Where messages go that failed too often; null where they are dropped. */
    deadLetterQueue: string | null;
  }[];
  /** The entry first. */
  modules: { name: string; kind: "esModule" | "wasm" | "text" | "data" }[];
}

export interface Bundle {
  /** Holds api/ and evaluator/. Never changed once made: a Worker that is restarted reads it again. */
  folder: string;
  api: WorkerManifest;
  evaluator: WorkerManifest;
}

/** Bundles of earlier inputs are kept this long: a stack that is running reads its own at every restart. */
const KEPT_MS = 24 * 60 * 60 * 1000;

/** Bundles both Workers as a deployment does, once for each state of their sources. */
export async function buildWorkers(config: string, log: (line: string) => void, signal?: AbortSignal): Promise<Bundle> {
  const builds = join(ROOT, ".build");
  const folder = join(builds, `workers-${hashInputs(config)}`);
  try {
    const bundle = { folder, ...readManifests(folder) };
    utimesSync(folder, new Date(), new Date());
    return bundle;
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  log("bundling the Workers");
  const scratch = join(builds, `scratch-${process.pid}-${Date.now()}`);
  try {
    await Promise.all([
      runWrangler(config, undefined, join(scratch, "api"), signal),
      runWrangler(config, "evaluator", join(scratch, "evaluator"), signal),
    ]);
    const { unstable_readConfig } = await import("wrangler");
    for (const [name, env] of WORKERS) {
      const manifest = describe(unstable_readConfig({ config, env }, { hideWarnings: true }), join(scratch, name));
      writeFileSync(join(scratch, name, "manifest.json"), JSON.stringify(manifest, null, 2));
    }
    renameSync(scratch, folder);
  } catch (error) {
    // Another process may have finished the same bundle first; that one is as good.
    if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "EEXIST") throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  prune(builds);
  return { folder, ...readManifests(folder) };
}

const WORKERS = [
  ["api", undefined],
  ["evaluator", "evaluator"],
] as const;

function readManifests(folder: string): { api: WorkerManifest; evaluator: WorkerManifest } {
  const read = (name: string): WorkerManifest => JSON.parse(readFileSync(join(folder, name, "manifest.json"), "utf8"));
  return { api: read("api"), evaluator: read("evaluator") };
}

function hashInputs(config: string): string {
  const hash = createHash("sha256");
  const builders = [fileURLToPath(import.meta.url), join(ROOT, "local/unshare-memory.mjs")];
  const inputs = [config, join(ROOT, "package-lock.json"), ...builders];
  // The real Workers' sources are in src/ beside wrangler.toml; others lie right beside their own, and may use src/.
  const sources = [join(ROOT, "src"), ...(config === join(ROOT, "wrangler.toml") ? [] : [dirname(config)])];
  for (const folder of sources) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) inputs.push(join(entry.parentPath, entry.name));
    }
  }
  for (const path of inputs.sort())
    hash
      .update(`${relative(ROOT, path)}\0`)
      .update(readFileSync(path))
      .update("\0");
  return hash.digest("hex").slice(0, 16);
}

async function runWrangler(
  config: string,
  env: string | undefined,
  outdir: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  mkdirSync(outdir, { recursive: true });
  // Not its bin script, which starts this in a further process and would leave that behind when it is ended.
  const command = fileURLToPath(import.meta.resolve("wrangler"));
  const options = ["deploy", "--dry-run", "--config", config, `--env=${env ?? ""}`, "--outdir", outdir];
  const child = spawn(process.execPath, ["--no-warnings", command, ...options], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_WRITE_LOGS: "false",
      CI: "1",
      NO_COLOR: "1",
    },
    killSignal: "SIGKILL",
    ...(signal && { signal }),
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const [code] = await once(child, "close");
  if (code !== 0)
    throw new StackError(`the Workers cannot be bundled (wrangler ended with ${code}):\n${output.trim()}`);
}

type WranglerConfig = import("wrangler").Unstable_Config;

function describe(config: WranglerConfig, folder: string): WorkerManifest {
  const vars = Object.entries(config.vars).map(([name, value]) => {
    if (typeof value !== "string") throw new StackError(`wrangler.toml: the var ${name} is not a string`);
    return [name, value] as const;
  });
  return {
    name: config.name ?? "worker",
    compatibilityDate: config.compatibility_date ?? "",
    compatibilityFlags: config.compatibility_flags,
    vars: Object.fromEntries(vars),
    crons: config.triggers.crons ?? [],
    producers: config.queues.producers?.map(({ binding, queue }) => ({ binding, queue: queue ?? binding })) ?? [],
    consumers:
      config.queues.consumers?.map((consumer) => ({
        queue: consumer.queue,
        maxBatchSize: consumer.max_batch_size ?? 10,
        maxRetries: consumer.max_retries ?? 3,
        retryDelaySeconds: consumer.retry_delay ?? 0,
        deadLetterQueue: consumer.dead_letter_queue ?? null,
      })) ?? [],
    modules: listModules(folder),
  };
}

/** The kinds of wrangler's default rules. */
const KINDS = { ".wasm": "wasm", ".txt": "text", ".html": "text", ".sql": "text", ".bin": "data" } as const;

function listModules(folder: string): WorkerManifest["modules"] {
  const entry = readdirSync(folder).find((name) => name.endsWith(".js"));
  if (entry === undefined) throw new StackError(`wrangler has left no script in ${folder}`);
  const modules: WorkerManifest["modules"] = [{ name: entry, kind: "esModule" }];
  for (const name of readdirSync(folder)) {
    const kind = Object.entries(KINDS).find(([extension]) => name.endsWith(extension))?.[1];
    if (kind !== undefined) modules.push({ name, kind });
  }
  return modules;
}

/** Also of what builds left that were killed. */
function prune(builds: string): void {
  for (const name of readdirSync(builds).filter((name) => /^(workers|scratch)-/.test(name))) {
    const path = join(builds, name);
    const used = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - used > KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
}
