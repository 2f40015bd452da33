import { join } from "node:path";
import { codeOf, messageOf, StackError } from "./errors.ts";
import { ROOT } from "./root.ts";
import { randomSecret, readSecret, writeSecret } from "./secrets.ts";

export interface DatabaseConnection {
  url: string;
  wsProxy: string;
}

/** What the database needs before a Worker may use it; another in tests whose Workers use none. */
export interface Preparation {
  migrate(connection: DatabaseConnection): Promise<void>;
  createTeam(connection: DatabaseConnection): Promise<string>;
  /** Whether the API that answers at this URL knows the key. */
  isValid(url: string, key: string): Promise<boolean>;
}

export const realPreparation: Preparation = {
  async migrate(connection) {
    const { migrate } = await import("../src/database/migrate.ts");
    await migrate(connection, join(ROOT, "migrations"));
  },
  async createTeam(connection) {
    const { connect } = await import("../src/database/client.ts");
    const { createTeam } = await import("../src/services/team/create.ts");
    const { db, close } = connect(connection);
    try {
      const { key } = await createTeam(db, { name: "local" });
      return key;
    } catch (error) {
      // The database has the team and the data folder has lost its key, which nobody can tell again.
      if (codeOf(error) !== "name_taken") throw error;
      const { key } = await createTeam(db, { name: `local ${randomSecret(4)}` });
      return key;
    } finally {
      await close();
    }
  },
  async isValid(url, key) {
    const response = await fetch(`${url}/models?limit=1`, {
      headers: { authorization: `Bearer ${key}`, accept: "application/json" },
    });
    await response.body?.cancel();
    return response.status !== 401;
  },
};

export async function prepareDatabase(preparation: Preparation, connection: DatabaseConnection): Promise<void> {
  try {
    await preparation.migrate(connection);
  } catch (error) {
    throw new StackError(`the database cannot be used: ${rootMessage(error)}`);
  }
}

/** The key of the first run; a new one when the data folder is new or its database is another. */
export async function adminKey(
  preparation: Preparation,
  connection: DatabaseConnection,
  folder: string,
  url: string,
): Promise<string> {
  const path = join(folder, "admin-key");
  const kept = readSecret(path);
  if (kept !== undefined && (await preparation.isValid(url, kept))) return kept;
  try {
    const key = await preparation.createTeam(connection);
    writeSecret(path, key);
    return key;
  } catch (error) {
    throw new StackError(`the first team cannot be created: ${rootMessage(error)}`);
  }
}

/** Drizzle wraps what Postgres says into an error that repeats the statement. */
function rootMessage(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return (cause === undefined ? messageOf(error) : rootMessage(cause)).split("\n")[0] ?? "";
}
