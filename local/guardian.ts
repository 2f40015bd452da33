import { spawn } from "node:child_process";

/** Told of every change in the processes to end should this one be killed. */
export interface Guardian {
  watch(pids: number[]): void;
  close(): void;
}

/**
 * A killed process cannot end its children, and workerd does not notice that its parent has gone. This shell does:
 * its standard input ends then, and it kills the last line of process ids it was told.
 */
export function startGuardian(): Guardian {
  if (process.platform === "win32") return { watch: () => {}, close: () => {} };
  const script = 'while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -9 $pids 2>/dev/null';
  // A group of its own: Ctrl-C or a kill of the whole group must not take it before its work.
  const child = spawn("/bin/sh", ["-c", script], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.unref();
  return {
    watch: (pids) => void child.stdin.write(`${pids.join(" ")}\n`),
    close: () => void child.stdin.end(),
  };
}
