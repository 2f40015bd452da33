import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildWorkers } from "../../local/build.ts";
import { findPort } from "../../local/ports.ts";
import type { Stack } from "../../local/stack.ts";
import { superviseWorker } from "../../local/worker.ts";
import { workerdConfig } from "../../local/workerd-config.ts";
import { connect } from "../../src/database/client.ts";
import type { ForwardEnv } from "./forward.ts";
import type { StoreEnv } from "./store.ts";

export interface BenchWorker {
  url: string;
  close(): Promise<void>;
}

/** The rivals' Worker in a workerd of its own; its configuration goes into the folder. */
export async function startBenchWorker(folder: string, bindings: Record<string, string> = {}): Promise<BenchWorker> {
  const built = await buildWorkers(join(import.meta.dirname, "wrangler.toml"), () => {});
  const address = `127.0.0.1:${await findPort(0)}`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const config = join(folder, "bench.capnp");
  const text = workerdConfig({
    manifest: built.api,
    bundle: join(built.folder, "api"),
    configFolder: folder,
    bindings,
    address,
    // It has no queues.
    queueAddress: "127.0.0.1:9",
    token: "unused",
  });
  writeFileSync(config, text, { mode: 0o600 });
  const worker = await superviseWorker({ name: "bench", config, log: () => {}, onPidChange: () => {} });
  return { url: `http://${address}`, close: worker.stop };
}

/** The same on a stack's Postgres and object store, with a table to insert into. */
export async function startForwarder({ connection }: Stack, folder: string): Promise<BenchWorker> {
  const { databaseUrl: url, databaseWsProxy: wsProxy } = connection;
  const { db, close } = connect({ url, wsProxy });
  await db.execute("CREATE TABLE IF NOT EXISTS bench_files (key text PRIMARY KEY, bytes bigint NOT NULL)");
  await close();
  return await startBenchWorker(folder, {
    DATABASE_URL: url,
    DATABASE_WS_PROXY: wsProxy,
    ...storeBindings(connection),
  } satisfies ForwardEnv & Record<string, string>);
}

/** The same on a stack's object store alone. */
export async function startReader({ connection }: Stack, folder: string): Promise<BenchWorker> {
  return await startBenchWorker(folder, storeBindings(connection));
}

function storeBindings({ s3 }: Stack["connection"]): StoreEnv & Record<string, string> {
  return {
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    S3_BUCKET: s3.bucket,
    S3_ACCESS_KEY_ID: s3.accessKeyId,
    S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
}
