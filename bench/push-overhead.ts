import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStack } from "../local/stack.ts";
import { runScript } from "./trainer-script.ts";

/**
 * Training with pushes beside training without, in turns. The stack that receives and evaluates is on this machine and
 * takes its share of the cores: by the clock this is the worst case. The script's receiver stands for one elsewhere.
 */
export async function reportPushOverhead(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "curie-point-bench-"));
  const stack = await startStack({ data, port: 0 });
  try {
    await runScript("push-overhead.ts", ["--url", stack.url], { CURIE_POINT_KEY: stack.adminKey });
  } finally {
    await stack.close();
    rmSync(data, { recursive: true, force: true });
  }
}
