import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf, StackError } from "./errors.ts";

/**
 * One stack a data folder: PGlite opens a folder that another process has open without a word, and ruins it.
 * Returns the release.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, "lock");
  const mine = `${path}.${process.pid}`;
  const identity = `${process.pid} ${startOf(process.pid)}\n`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(mine, identity, { mode: 0o600 });
  } catch (error) {
    throw new StackError(`the data folder ${folder} cannot be written: ${messageOf(error)}`);
  }
  try {
    // Two rounds: the second follows the removal of a dead instance's lock.
    for (let round = 0; round < 2; round++) {
      if (link(mine, path)) return () => release(path, identity);
      const holder = read(path);
      const pid = Number.parseInt(holder, 10);
      if (holder !== "" && isAlive(holder)) {
        throw new StackError(`another stack (process ${pid}) is using the data folder ${folder}`);
      }
      removeStale(path, holder);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  throw new StackError(`another stack has just started on the data folder ${folder}`);
}

/** Unlike an exclusive create followed by a write, a link shows the lock only with its content. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw new StackError(`cannot lock ${to}: ${messageOf(error)}`);
  }
}

/** Moves the lock aside before judging it: between reading and removing, another instance may have replaced it. */
function removeStale(path: string, stale: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw new StackError(`cannot remove the stale lock ${path}: ${messageOf(error)}`);
  }
  if (read(aside) !== stale) link(aside, path);
  rmSync(aside, { force: true });
}

function release(path: string, identity: string): void {
  if (read(path) === identity) rmSync(path, { force: true });
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** A process id alone may have been given to another program since, so the lock also names the process's start. */
function isAlive(identity: string): boolean {
  const [pid, start] = identity.trim().split(" ");
  const id = Number(pid);
  if (!Number.isInteger(id) || id <= 0) return false;
  try {
    process.kill(id, 0);
  } catch (error) {
    if (codeOf(error) !== "EPERM") return false;
  }
  return start === startOf(id);
}

/** The start time in clock ticks since boot where /proc exists, "-" elsewhere. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in brackets and may hold spaces; the start is the 22nd of all.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "-";
  } catch {
    return "-";
  }
}
