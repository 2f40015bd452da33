import { randomBytes } from "node:crypto";
import { sql } from "drizzle-orm";
import { startBridge } from "../../local/bridge.ts";
import { connect } from "../../src/database/client.ts";

export interface FreshDatabase {
  /** Undefined for the embedded Postgres, which is fresh with its folder. */
  url: string | undefined;
  drop(): Promise<void>;
}

/** A database of its own on the server that TEST_POSTGRES_URL names; without one, the stack brings its own Postgres. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = process.env["TEST_POSTGRES_URL"];
  if (!server) return { url: undefined, drop: async () => {} };
  const name = `curie_point_test_${randomBytes(6).toString("hex")}`;
  await administer(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(server, `drop database ${name} with (force)`) };
}

/** One statement outside any transaction, over a bridge of its own: no stack is up before and after. */
async function administer(server: string, statement: string): Promise<void> {
  const { hostname, port } = new URL(server);
  const bridge = await startBridge({ host: hostname, port: Number(port || 5432), tls: "off" }, () => {});
  const { db, close } = connect({ url: server, wsProxy: bridge.wsProxy });
  try {
    await db.execute(sql.raw(statement));
  } finally {
    await close();
    await bridge.close();
  }
}
