import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Stack, startStack } from "../../local/stack.ts";
import { connect, type Database } from "../../src/database/client.ts";
import type { Comparison } from "../main.ts";
import { type BareWorker, startBareWorker } from "./bare-worker.ts";
import { kept } from "./kept.ts";
import { latency } from "./latency.ts";
import { type Receiver, startReceiver } from "./receiver.ts";
import { throughput } from "./throughput.ts";

export interface Bench {
  stack: Stack;
  db: Database;
  receiver: Receiver;
  bareWorker: BareWorker;
  /** A webhook to the receiver. */
  webhook: string;
}

/**
 * The outbox: how fast it empties, what a small checkpoint takes from its PUT's answer to the webhook, and what keeping
 * many deliveries costs. On the embedded stack, or with BENCH_POSTGRES_URL on a Postgres of one's own.
 */
export async function* benchDeliveries(): AsyncGenerator<Comparison> {
  const data = mkdtempSync(join(tmpdir(), "curie-point-bench-"));
  const [receiver, bareWorker] = await Promise.all([startReceiver(), startBareWorker(data)]);
  const stack = await startStack({ data, port: 0, postgres: process.env["BENCH_POSTGRES_URL"] });
  const { db, close } = connect({ url: stack.connection.databaseUrl, wsProxy: stack.connection.databaseWsProxy });
  try {
    const bench: Bench = { stack, db, receiver, bareWorker, webhook: await subscribe(stack, receiver.url) };
    yield* await throughput(bench);
    yield* await latency(bench);
    yield* await kept(bench);
  } finally {
    await close();
    await stack.close();
    await bareWorker.close();
    receiver.close();
    rmSync(data, { recursive: true, force: true });
  }
}

async function subscribe(stack: Stack, url: string): Promise<string> {
  const response = await fetch(`${stack.url}/webhooks`, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ url, events: ["verdict.changed"] }),
  });
  return ((await response.json()) as { id: string }).id;
}
