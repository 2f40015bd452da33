import { sql } from "drizzle-orm";
import { afterAll, expect, test } from "vitest";
import { startBridge } from "../../local/bridge.ts";
import { connect } from "../../src/database/client.ts";
import { type Fate, startFaultyPostgres } from "./faulty-postgres.ts";
import { POSTGRES_MISSING, startPostgresServer } from "./postgres.ts";

const server = await startPostgresServer();
afterAll(() => server?.close());

const statements = ["begin", "select 1", "commit"];
const table = statements.flatMap((at) => (["cut", "deaf"] as const).map((fate) => ({ at, fate })));

test.skipIf(server === null).for(table)(
  `a transaction whose connection is $fate at "$at" fails, and its client can be closed (${server === null ? POSTGRES_MISSING : "real Postgres"})`,
  async ({ at, fate }) => {
    const url = new URL(server?.url ?? "");
    const postgres = await startFaultyPostgres({ host: url.hostname, port: Number(url.port) });
    const bridge = await startBridge({ host: "127.0.0.1", port: postgres.port, tls: "off" }, () => {});
    const met: string[] = [];
    postgres.decide = ({ sql: text }): Fate => {
      met.push(text.trim());
      return text.trim() === at ? fate : "pass";
    };
    const { db, close } = connect({ url: url.href, wsProxy: bridge.wsProxy });
    await expect(db.transaction((tx) => tx.execute(sql`select 1`))).rejects.toThrow();
    await close();
    expect(met).toContain(at);
    await bridge.close();
    await postgres.close();
  },
);
