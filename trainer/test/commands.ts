import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** Five checkpoints of a run of a second. */
export const small =
  "--modulus 7 --corner-side 2 --mirror-pairs 4 --embedding 8 --hidden 12 --steps 40 --every 10".split(" ");

/** A command of the trainer as its users run it, on this Node, without colours and with no key but the one given. */
export function startTrainer(script: string, args: readonly string[], key?: string) {
  const { CURIE_POINT_KEY: _, ...env } = process.env;
  const child = spawn(process.execPath, [join(import.meta.dirname, "..", script), ...args], {
    env: { ...env, NO_COLOR: "1", ...(key !== undefined && { CURIE_POINT_KEY: key }) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]).then(
    ([stdout, stderr, [code, signal]]) => ({
      code: code as number | null, // as Node's "close" has them
      signal: signal as NodeJS.Signals | null,
      stdout,
      stderr,
    }),
  );
  return { child, ended };
}

/** The same, to its end. */
export const runTrainer = (script: string, args: readonly string[], key?: string) =>
  startTrainer(script, args, key).ended;
