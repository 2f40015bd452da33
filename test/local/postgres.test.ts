import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { neonConfig, Pool } from "@neondatabase/serverless";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, startPostgres } from "../../local/postgres.ts";

let folder: string;
let database: Database;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "curie-point-postgres-"));
  database = await startPostgres(folder, undefined, () => {});
  neonConfig.useSecureWebSocket = false;
  neonConfig.pipelineTLS = false;
  neonConfig.pipelineConnect = false;
});
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

function openPool(max = 8): Pool {
  neonConfig.wsProxy = database.wsProxy;
  const pool = new Pool({ connectionString: database.url, max });
  pool.on("error", () => {});
  return pool;
}

test("concurrent read-modify-write transactions each count", async () => {
  const pool = openPool();
  await pool.query("create table counter (value int)");
  await pool.query("insert into counter values (0)");
  const increment = async () => {
    const client = await pool.connect();
    try {
      await client.query("begin");
      const { rows } = await client.query<{ value: number }>("select value from counter for update");
      await client.query("update counter set value = $1", [(rows[0]?.value ?? 0) + 1]);
      await client.query("commit");
    } finally {
      client.release();
    }
  };
  await Promise.all(Array.from({ length: 40 }, increment));
  expect((await pool.query("select value from counter")).rows).toEqual([{ value: 40 }]);
  await pool.end();
});

test("concurrent statements with parameters larger than a TCP packet keep their own rows", async () => {
  const pool = openPool();
  const wanted = Array.from({ length: 60 }, (_, n) => n);
  const answers = await Promise.all(
    wanted.map(async (n) => {
      const padding = n % 2 === 0 ? "x".repeat(300_000) : "";
      // Different statements, so that mixing them up shows.
      const { rows } = await pool.query(`select $1::int as n, length($2) as padding, ${n} as statement`, [n, padding]);
      return rows[0];
    }),
  );
  expect(answers).toEqual(wanted.map((n) => ({ n, padding: n % 2 === 0 ? 300_000 : 0, statement: n })));
  await pool.end();
});

test("an error leaves the connection usable, and names Postgres's code", async () => {
  const pool = openPool(1);
  await expect(pool.query("select nothing_of_the_kind")).rejects.toMatchObject({ code: "42703" });
  await expect(pool.query("select $1::int", ["not a number"])).rejects.toMatchObject({ code: "22P02" });
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  await pool.end();
});

test("a client that goes away in mid-transaction is rolled back, and holds nobody up", async () => {
  const pool = openPool();
  await pool.query("create table kept (value int)");
  const client = await pool.connect();
  await client.query("begin");
  await client.query("insert into kept values (1)");
  const waiting = pool.query("select count(*)::int as count from kept");
  client.release(true);
  expect((await waiting).rows).toEqual([{ count: 0 }]);
  await pool.end();
});

test("ending a client closes its WebSocket at once", async () => {
  const socket = new WebSocket(`ws://${database.wsProxy}`);
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  const closed = new Promise<number>((resolve) =>
    socket.addEventListener("close", ({ code }) => resolve(code), { once: true }),
  );
  socket.send(new Uint8Array([0x58, 0, 0, 0, 4]));
  expect(await closed).toBe(1000);
});

test("psql's first words, a request for TLS, are declined", async () => {
  const socket = connect(Number(new URL(database.url).port), "127.0.0.1");
  socket.write(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]));
  const answer = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
  expect(answer.toString()).toBe("N");
  socket.destroy();
});

test("what was committed is there after a restart", async () => {
  const before = openPool();
  await before.query("create table survivors (name text)");
  await before.query("insert into survivors values ('ada')");
  await before.end();
  await database.close();
  database = await startPostgres(folder, undefined, () => {});
  const after = openPool();
  expect((await after.query("select name from survivors")).rows).toEqual([{ name: "ada" }]);
  await after.end();
});

test("a kill in the middle of writing loses no acknowledged commit", async () => {
  const data = mkdtempSync(join(tmpdir(), "curie-point-killed-"));
  const acknowledged: number[] = [];
  for (let round = 0; round < 2; round++) {
    const child = spawn(process.execPath, [join(import.meta.dirname, "fixtures", "postgres.ts"), data]);
    const [line] = await once(child.stdout, "data");
    const { wsProxy, url } = JSON.parse(String(line)) as Pick<Database, "wsProxy" | "url">;
    neonConfig.wsProxy = wsProxy;
    const pool = new Pool({ connectionString: url, max: 4 });
    pool.on("error", () => {});
    await pool.query("create table if not exists writes (value int)");
    // Written until the process has gone from under it.
    const write = async (base: number) => {
      for (let value = base; ; value++) {
        await pool.query("insert into writes values ($1)", [value]);
        acknowledged.push(value);
      }
    };
    const writers = [0, 1, 2, 3].map((n) => write(round * 1_000_000 + n * 10_000).catch(() => {}));
    setTimeout(() => child.kill("SIGKILL"), 300);
    await Promise.all([...writers, once(child, "exit")]);
    await pool.end().catch(() => {});
  }
  const reopened = await startPostgres(data, undefined, () => {});
  neonConfig.wsProxy = reopened.wsProxy;
  const pool = new Pool({ connectionString: reopened.url });
  const { rows } = await pool.query<{ value: number }>("select value from writes");
  const kept = new Set(rows.map(({ value }) => value));
  expect(acknowledged.length).toBeGreaterThan(20);
  expect(acknowledged.filter((value) => !kept.has(value))).toEqual([]);
  await pool.end();
  await reopened.close();
  rmSync(data, { recursive: true, force: true });
}, 30_000);

test.each([
  ["nonsense", /^--postgres wants a URL like/],
  ["postgres://user:secret@127.0.0.1:1/db", /^--postgres: 127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/],
])("--postgres %s is one line", async (url, message) => {
  await expect(startPostgres(folder, url, () => {})).rejects.toThrow(message);
});
