import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** Five checkpoints of a run of a second. */
export const small =
  "--modulus 7 --corner-side 2 --mirror-pairs 4 --embedding 8 --hidden 12 --steps 40 --every 10".split(" ");

/** A command of the trainer as its users run it, on this Node, without colours and without their key. */
export async function runTrainer(script: string, args: readonly string[], key?: string) {
  const { CURIE_POINT_KEY: _, ...env } = process.env;
  const child = spawn(process.execPath, [join(import.meta.dirname, "..", script), ...args], {
    env: { ...env, NO_COLOR: "1", ...(key !== undefined && { CURIE_POINT_KEY: key }) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await exit, stdout, stderr };
}
