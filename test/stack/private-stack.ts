import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Stack, type StackOptions, startStack } from "../../local/stack.ts";
import { freshDatabase } from "./databases.ts";

export interface PrivateStack extends Stack {
  /** What the stack and its Workers have said so far. */
  lines: string[];
}

/**
 * A whole stack with a fresh database and folder, both gone once it is closed. TEST_S3_URL names a store to use in the
 * place of the embedded one; what a test leaves in its bucket stays there.
 */
export async function startPrivateStack(options: Partial<StackOptions> = {}): Promise<PrivateStack> {
  const folder = mkdtempSync(join(tmpdir(), "curie-point-test-"));
  const database = await freshDatabase();
  const lines: string[] = [];
  const clean = async () => {
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const stack = await startStack({
      data: folder,
      port: 0,
      postgres: database.url,
      s3: process.env["TEST_S3_URL"],
      sweepEverySeconds: 1,
      evaluationDeadlineSeconds: 10,
      log: (line) => lines.push(line),
      ...options,
    });
    const close = async () => {
      await stack.close();
      await clean();
    };
    return { ...stack, lines, close };
  } catch (error) {
    await clean();
    throw error;
  }
}
