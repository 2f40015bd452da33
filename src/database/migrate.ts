import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { migrate as runMigrations } from "drizzle-orm/neon-serverless/migrator";
import { type Connection, connect } from "./client.ts";

/** The database and the code do not fit each other; the message says what to do. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

interface Journal {
  entries: { when: number; tag: string }[];
}

/**
 * Brings the database up to the migrations in `folder`, in order, each once. Refuses a database that has
 * migrations this code does not know: it was written by a newer version.
 */
export async function migrate(connection: Connection, folder: string): Promise<{ applied: number }> {
  const { known, applied } = await migrationState(connection, folder);
  const last = known.at(-1);
  if (applied.length > known.length || applied.some((when, n) => known[n]?.when !== when)) {
    throw new MigrationError(
      `The database has migrations that this version does not know (it ends at ${last?.tag ?? "none"}): run the version that made it, or a newer one.`,
    );
  }
  if (applied.length === known.length) return { applied: 0 };
  const { db, close } = connect(connection);
  try {
    await runMigrations(db, { migrationsFolder: folder });
  } finally {
    await close();
  }
  return { applied: known.length - applied.length };
}

async function migrationState(connection: Connection, folder: string) {
  const journal = JSON.parse(await readFile(join(folder, "meta", "_journal.json"), "utf8")) as Journal;
  const { db, close } = connect(connection);
  try {
    const table = await db.execute(sql`select to_regclass('drizzle.__drizzle_migrations') is not null as present`);
    if (table.rows[0]?.["present"] !== true) return { known: journal.entries, applied: [] };
    const rows = await db.execute(sql`select created_at from drizzle.__drizzle_migrations order by created_at`);
    return { known: journal.entries, applied: rows.rows.map((row) => Number(row["created_at"])) };
  } finally {
    await close();
  }
}
