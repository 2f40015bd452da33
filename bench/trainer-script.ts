import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** One of the trainer's own benchmarks, in a process of its own: a backend that was started stays. */
export async function runScript(
  name: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const script = join(import.meta.dirname, "../trainer/scripts", name);
  const child = spawn(process.execPath, [script, ...args], { stdio: "inherit", env: { ...process.env, ...env } });
  const [code] = await once(child, "close");
  if (code !== 0) process.exitCode = 1;
}
