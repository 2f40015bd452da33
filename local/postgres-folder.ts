import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { randomSecret } from "./secrets.ts";

/**
 * Gives the folder an empty database if it has none. PGlite writes a new one into place file by file, and does not
 * promise to open what a start cut short leaves; so it is made elsewhere and renamed. Making one takes seconds and
 * copying one does not, so the first is kept in `cache` as the pattern of all later ones.
 */
export async function ensureDatabase(folder: string, cache: string): Promise<void> {
  if (existsSync(folder)) return;
  const pattern = join(cache, `postgres-${pgliteVersion()}`);
  if (!existsSync(pattern)) {
    const scratch = `${pattern}.${randomSecret(6)}`;
    mkdirSync(cache, { recursive: true });
    try {
      const database = await PGlite.create(scratch);
      await database.close();
      moveIfAbsent(scratch, pattern);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  cpSync(pattern, fresh, { recursive: true });
  renameSync(fresh, folder);
}

/** Another process may have made the pattern in the meantime; that one is as good. */
function moveIfAbsent(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

function pgliteVersion(): string {
  const entry = fileURLToPath(import.meta.resolve("@electric-sql/pglite"));
  const { version }: { version: string } = JSON.parse(readFileSync(join(dirname(entry), "..", "package.json"), "utf8"));
  return version;
}
