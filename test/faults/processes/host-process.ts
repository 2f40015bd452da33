import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { StackOptions } from "../../../local/stack.ts";
import type { FromHost, ToHost } from "./host.ts";
import type { WorkerName } from "./kills.ts";

export interface HostProcess {
  /** Once it is up: where the API's Worker listens. */
  url(): Promise<string>;
  /** kill -9 of a Worker, or of the host, after which another is started. False where there was none to kill. */
  kill(victim: WorkerName | "host"): Promise<boolean>;
  close(): Promise<void>;
}

export interface Hooks {
  log(line: string): void;
  /** Asked as a Worker sends a message to a queue. */
  onSend(of: WorkerName, when: "before" | "after"): Promise<unknown>;
}

/** Keeps a host running, whoever kills it. */
export function superviseHost(options: Omit<StackOptions, "log">, hooks: Hooks): HostProcess {
  let closed = false;
  let child = start();

  function start() {
    const host = fork(join(import.meta.dirname, "host.ts"), [JSON.stringify(options)], { stdio: "inherit" });
    const ready = Promise.withResolvers<string>();
    // Awaited by whoever asks next, and by nobody where it is killed before.
    ready.promise.catch(() => {});
    const killed = new Map<number, (pid: number | null) => void>();
    host.on("message", (message: FromHost) => {
      if ("ready" in message) ready.resolve(message.ready);
      else if ("log" in message) hooks.log(message.log);
      else if ("killed" in message) killed.get(message.killed)?.(message.pid);
      else {
        const { asked, of, when } = message;
        void hooks.onSend(of, when).finally(() => say(host, { answered: asked }));
      }
    });
    host.once("exit", () => {
      ready.reject(new Error("the host has ended"));
      for (const resolve of killed.values()) resolve(null);
      if (!closed) child = start();
    });
    return { host, ready: ready.promise, killed };
  }

  return {
    async url() {
      for (;;) {
        const asked = child;
        const url = await asked.ready.catch(() => null);
        if (url !== null && asked === child) return url;
        if (closed) throw new Error("the host is closed");
      }
    },
    async kill(victim) {
      const { host, killed } = child;
      if (victim === "host") {
        const ended = once(host, "exit");
        host.kill("SIGKILL");
        await ended;
        return true;
      }
      const number = killed.size;
      const pid = new Promise<number | null>((resolve) => killed.set(number, resolve));
      say(host, { kill: victim, number });
      return (await pid) !== null;
    },
    async close() {
      closed = true;
      const { host } = child;
      if (host.exitCode !== null || host.signalCode !== null) return;
      const ended = once(host, "exit");
      host.disconnect();
      await ended;
    },
  };
}

/** Who is dead or on the way to it hears nothing. */
function say(host: ChildProcess, message: ToHost): void {
  if (host.connected) host.send(message, () => {});
}
