import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { messageOf, StackError } from "./errors.ts";

export interface WorkerProcess {
  /** null while it is being restarted. */
  pid(): number | null;
  /** The control socket's port, as soon as there is a process that listens. */
  ready(): Promise<number>;
  /** The port of V8's inspector; null where none was asked for, or before the process listens. */
  inspectorPort(): number | null;
  /** Ends the process at once; the supervision starts the next. */
  kill(): void;
  stop(): Promise<void>;
}

export interface WorkerProcessOptions {
  name: string;
  /** workerd's configuration file. */
  config: string;
  log(line: string): void;
  onPidChange(pid: number | undefined): void;
  /** Opens V8's inspector on a free port. */
  inspect?: boolean | undefined;
}

/** Restarts that follow a failure at once would only fill the log: from the second on there is a pause. */
const SHORT_LIFE_MS = 1_000;
const LONGEST_PAUSE_MS = 500;

/**
 * One Worker in its own workerd process, so that a loop in one cannot hold up the other; started again whenever it
 * ends, any number of times, also while it was starting. Miniflare gives up after a kill during a restart, hence
 * no Miniflare between.
 */
export async function superviseWorker(options: WorkerProcessOptions): Promise<WorkerProcess> {
  let stopped = false;
  let child: ChildProcess | undefined;
  let ready = Promise.withResolvers<number>();
  let inspectorPort: number | null = null;
  const command = findWorkerd();
  const stopping = Promise.withResolvers<void>();

  /** One life: resolves when the process has ended, with what it said on its last breath. */
  const live = async (): Promise<string> => {
    const inspector = options.inspect ? ["--inspector-addr=127.0.0.1:0"] : [];
    const started = spawn(command, ["serve", "--experimental", "--control-fd=3", ...inspector, options.config], {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      // Not in the terminal's group: Ctrl-C is for the host, which ends it in order.
      detached: process.platform !== "win32",
      env: { PATH: process.env["PATH"], TZ: "UTC" },
      windowsHide: true,
    });
    child = started;
    inspectorPort = null;
    const ended = new Promise<void>((resolve) => {
      started.once("exit", () => resolve());
      started.once("error", () => resolve());
    });
    options.onPidChange(started.pid);
    const complaint = relayOutput(started, options);
    const mine = ready;
    onListening(started.stdio[3], ({ event, socket, port }) => {
      if (event === "listen-inspector") inspectorPort = port;
      // It opens its sockets in the order of the configuration and this one last: the others listen by now.
      if (event === "listen" && socket === "control") mine.resolve(port);
    });
    await ended;
    child = undefined;
    inspectorPort = null;
    ready = Promise.withResolvers();
    // Who waits for a Worker that died before it listened waits for the next; otherwise this changes nothing.
    mine.resolve(ready.promise);
    options.onPidChange(undefined);
    return complaint();
  };

  const supervise = async (firstLife: Promise<string>) => {
    let life = firstLife;
    for (let pause = 0; ; ) {
      const born = Date.now();
      await life;
      if (stopped) return;
      options.log(`${options.name}: its process has ended, starting another`);
      pause = Date.now() - born > SHORT_LIFE_MS ? 0 : Math.min(LONGEST_PAUSE_MS, pause * 2 + 50);
      await Promise.race([stopping.promise, new Promise((resolve) => setTimeout(resolve, pause))]);
      if (stopped) return;
      life = live();
    }
  };

  // The first life decides whether there is anything to supervise: a wrong configuration would fail forever.
  const listening = ready.promise;
  const firstLife = live();
  const failure = await Promise.race([listening.then(() => undefined), firstLife]);
  if (failure !== undefined) throw new StackError(`the ${options.name} Worker does not start: ${failure}`);
  const supervision = supervise(firstLife);
  supervision.catch((error: unknown) => options.log(`${options.name}: ${messageOf(error)}`));

  return {
    pid: () => child?.pid ?? null,
    ready: () => ready.promise,
    inspectorPort: () => inspectorPort,
    kill: () => void child?.kill("SIGKILL"),
    async stop() {
      stopped = true;
      stopping.resolve();
      child?.kill("SIGKILL");
      await supervision;
    },
  };
}

/** The runtime of the Miniflare that this wrangler brings. */
function findWorkerd(): string {
  const fromHere = createRequire(import.meta.url);
  const command: unknown = createRequire(fromHere.resolve("miniflare"))("workerd");
  if (typeof command === "object" && command !== null && "default" in command) {
    if (typeof command.default === "string") return command.default;
  }
  throw new StackError("the workerd package does not say where its program is");
}

interface Listening {
  event: string;
  socket?: string;
  port: number;
}

/** On its control pipe workerd tells each socket's port once it listens there. */
function onListening(pipe: unknown, found: (report: Listening) => void): void {
  if (!(pipe instanceof Readable)) throw new Error("workerd was started without a control pipe");
  pipe.on("error", () => {});
  createInterface(pipe).on("line", (line) => {
    const report = JSON.parse(line) as Partial<Listening>;
    if (report.event !== undefined && report.port !== undefined) found(report as Listening);
  });
}

/** Console output and errors of the Worker, line by line. Returns the way to ask for the last error. */
function relayOutput(child: ChildProcess, options: WorkerProcessOptions): () => string {
  const errors: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface(stream).on("line", (line) => {
      if (line.includes("became the default as of")) return;
      if (stream === child.stderr) errors.push(line);
      if (errors.length > 20) errors.shift();
      options.log(`${options.name}: ${line}`);
    });
  }
  return () => errors.join(" ").trim() || "it ended without a word";
}
