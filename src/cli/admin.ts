// npm run --silent admin -- COMMAND: what the operator of a deployment does, on its database directly.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Connection, connect, type Database } from "../database/client.ts";
import { MigrationError, migrate } from "../database/migrate.ts";
import { DomainError } from "../errors.ts";
import { createKey } from "../services/key/create.ts";
import { createTeam } from "../services/team/create.ts";
import { findTeam } from "../services/team/find.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const SCOPES = ["read", "push", "admin"] as const;
const USAGE = `usage: npm run --silent admin -- COMMAND
  create-team NAME                      a team and its first key, which has every scope; the key is shown once
  create-key TEAM NAME --scopes LIST    a further key; LIST of read, push, admin, by commas
  migrate                               bring the database up to this version
The database is DATABASE_URL (Neon; with DATABASE_WS_PROXY any Postgres behind a WebSocket bridge), or that of the
local stack that runs on --data DIR (.curie-point in the repository).`;

class UsageError extends Error {}

/** Each prints one line of JSON. */
const COMMANDS: Record<string, (connection: Connection, args: string[], scopes: string) => Promise<unknown>> = {
  "create-team": async (connection, args) => {
    const [name] = exactly(args, ["NAME"]);
    return await using(connection, (db) => createTeam(db, { name }));
  },
  "create-key": async (connection, args, list) => {
    const [team, name] = exactly(args, ["TEAM", "NAME"]);
    const scopes = list.split(",").map((word) => {
      const scope = SCOPES.find((known) => known === word);
      if (!scope) throw new UsageError(`--scopes takes ${SCOPES.join(", ")} by commas, got "${list}"`);
      return scope;
    });
    return await using(connection, async (db) => {
      const teamId = await findTeam(db, team);
      if (teamId === null) throw new UsageError(`there is no team "${team}": create-team makes it`);
      const { id, token } = await createKey(db, { teamId, name, scopes });
      return { keyId: id, key: token, scopes };
    });
  },
  migrate: async (connection, args) => {
    exactly(args, []);
    return await migrate(connection, join(ROOT, "migrations"));
  },
};

function exactly<const Names extends readonly string[]>(args: string[], names: Names): { [K in keyof Names]: string } {
  if (args.length !== names.length || args.some((arg) => arg === "")) {
    throw new UsageError(`expected ${names.length === 0 ? "nothing more" : names.join(" ")}, got ${args.length} words`);
  }
  return args as { [K in keyof Names]: string };
}

async function using<Result>(connection: Connection, work: (db: Database) => Promise<Result>): Promise<Result> {
  const { db, close } = connect(connection);
  try {
    return await work(db);
  } finally {
    await close();
  }
}

/** The running local stack writes where its database is; nothing else knows, since the ports change. */
function findDatabase(data: string): Connection {
  const { DATABASE_URL: url, DATABASE_WS_PROXY: wsProxy } = process.env;
  if (url) return { url, wsProxy };
  try {
    return JSON.parse(readFileSync(join(data, "connection.json"), "utf8")) as Connection;
  } catch {
    throw new UsageError(`set DATABASE_URL, or start the local stack: no connection.json in ${data}`);
  }
}

async function run(argv: string[]): Promise<void> {
  const { values, positionals } = parse(argv);
  const [name = "", ...args] = positionals;
  const command = COMMANDS[name];
  if (!command) throw new UsageError(name ? `there is no command "${name}"` : "name a command");
  const result = await command(findDatabase(values.data), args, values.scopes);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        scopes: { type: "string", default: "read,push" },
        data: { type: "string", default: join(ROOT, ".curie-point") },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The driver rejects with the event of its WebSocket; Drizzle wraps what Postgres says. */
function rootMessage(error: unknown): string {
  if (error instanceof Error) return error.cause === undefined ? error.message : rootMessage(error.cause);
  const { message } = error as { message?: unknown };
  return typeof message === "string" && message ? message : "no connection; is it Neon, or is DATABASE_WS_PROXY set?";
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  const usage = error instanceof UsageError;
  const expected = usage || error instanceof DomainError || error instanceof MigrationError;
  process.stderr.write(`${expected ? error.message : `the database does not answer: ${rootMessage(error)}`}\n`);
  if (usage) process.stderr.write(`${USAGE}\n`);
  process.exitCode = usage ? 2 : 1;
}
