import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type BridgeTarget, connectDatabase, startBridge } from "./bridge.ts";
import { messageOf, StackError } from "./errors.ts";
import { ROOT } from "./root.ts";

export interface Database {
  url: string;
  wsProxy: string;
  close(): Promise<void>;
}

type Log = (line: string) => void;

/** Postgres for both Workers: the one the URL names, or PGlite with its files in the data folder. */
export async function startPostgres(
  folder: string,
  url: string | undefined,
  log: Log,
  signal?: AbortSignal,
): Promise<Database> {
  if (url !== undefined) return await reachPostgres(url, log);
  const embedded = await startEmbedded(join(folder, "postgres"), log, signal);
  const bridge = await startBridge({ host: "127.0.0.1", port: embedded.port, tls: "off" }, log);
  return {
    // PGlite checks no password, but the driver refuses a URL without one.
    url: `postgres://postgres:embedded@127.0.0.1:${embedded.port}/postgres`,
    wsProxy: bridge.wsProxy,
    async close() {
      await bridge.close();
      await embedded.close();
    },
  };
}

async function reachPostgres(url: string, log: Log): Promise<Database> {
  const target = parseTarget(url);
  try {
    const socket = await connectDatabase(target);
    socket.destroy();
  } catch (error) {
    throw new StackError(`--postgres: ${target.host}:${target.port} cannot be reached: ${messageOf(error)}`);
  }
  const bridge = await startBridge(target, log);
  return { url, wsProxy: bridge.wsProxy, close: bridge.close };
}

function parseTarget(url: string): BridgeTarget {
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    throw new StackError("--postgres wants a URL like postgres://user:password@host:5432/database");
  }
  const { hostname, port, searchParams } = new URL(url);
  if (hostname === "") throw new StackError("--postgres names no host: sockets on disk are not supported");
  const mode = searchParams.get("sslmode") ?? "disable";
  const tls = mode.startsWith("verify") ? "verify" : mode === "require" ? "require" : "off";
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 5432), tls };
}

interface Embedded {
  port: number;
  close(): Promise<void>;
}

async function startEmbedded(folder: string, log: Log, signal: AbortSignal | undefined): Promise<Embedded> {
  const thread = new Worker(join(import.meta.dirname, "postgres-thread.ts"), {
    workerData: { folder, cache: join(ROOT, ".build") },
    execArgv: [],
  });
  thread.on("message", (message: { log?: string }) => {
    if (message.log !== undefined) log(message.log);
  });
  // Opening takes seconds and cannot be interrupted otherwise; to the files it is a crash, which they survive.
  const abandon = () => void thread.terminate();
  signal?.addEventListener("abort", abandon);
  const port = await new Promise<number>((resolve, reject) => {
    const fail = (reason: string) => reject(new StackError(`the embedded Postgres cannot open ${folder}: ${reason}`));
    thread.on("message", (message: { port?: number; failed?: string }) => {
      if (message.port !== undefined) resolve(message.port);
      if (message.failed !== undefined) fail(message.failed);
    });
    thread.on("error", (error) => fail(messageOf(error)));
    thread.on("exit", (code) => fail(`its thread ended with code ${code}`));
  });
  signal?.removeEventListener("abort", abandon);
  thread.on("error", (error) => log(`postgres: the embedded database has stopped: ${messageOf(error)}`));
  return {
    port,
    async close() {
      thread.postMessage("close");
      await Promise.race([waitForClosed(thread), once(thread, "exit"), pause(5_000)]);
      await thread.terminate();
    },
  };
}

function waitForClosed(thread: Worker): Promise<void> {
  return new Promise((resolve) => {
    thread.on("message", (message: { closed?: boolean }) => {
      if (message.closed === true) resolve();
    });
  });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
