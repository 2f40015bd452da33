import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { and, eq } from "drizzle-orm";
import { type Stack, startStack } from "../local/stack.ts";
import { connect, type Database } from "../src/database/client.ts";
import { deliveries, evaluations, webhooks } from "../src/database/schema.ts";
import { newId } from "../src/ids.ts";
import { tableModel, tableSuite } from "../test/stack/table-model.ts";
import { Client } from "../trainer/src/client/client.ts";
import type { Comparison } from "./main.ts";

const DELIVERIES = 2_000;
const ROUNDS = 5;
const MODELS = 40;

/**
 * The outbox at full load beside a loop that posts the same bodies one after the other, without signature, record or
 * retry; and what a small checkpoint takes from its PUT's answer to the webhook, with where that time goes. On the
 * embedded stack, or with BENCH_POSTGRES_URL on a Postgres of one's own.
 */
export async function benchDeliveries(): Promise<Comparison[]> {
  const data = mkdtempSync(join(tmpdir(), "curie-point-bench-"));
  const receiver = await startReceiver();
  const stack = await startStack({ data, port: 0, postgres: process.env["BENCH_POSTGRES_URL"] });
  const { db, close } = connect({ url: stack.connection.databaseUrl, wsProxy: stack.connection.databaseWsProxy });
  try {
    const bench: Bench = { stack, db, receiver, webhook: await subscribe(stack, receiver.url) };
    return [await throughput(bench), ...(await latency(bench))];
  } finally {
    await close();
    await stack.close();
    receiver.close();
    rmSync(data, { recursive: true, force: true });
  }
}

interface Bench {
  stack: Stack;
  db: Database;
  receiver: Receiver;
  webhook: string;
}

interface Receiver {
  url: string;
  /** The time at which each event came first. */
  arrivals: Map<string, { at: number; body: string }>;
  close(): void;
}

async function startReceiver(): Promise<Receiver> {
  const arrivals: Receiver["arrivals"] = new Map();
  const server = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      const id = `${incoming.headers["webhook-id"]}`;
      if (!arrivals.has(id)) arrivals.set(id, { at: Date.now(), body });
      response.writeHead(204).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${Object(server.address()).port}/`, arrivals, close: () => server.close() };
}

async function subscribe(stack: Stack, url: string): Promise<string> {
  const response = await fetch(`${stack.url}/webhooks`, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ url, events: ["verdict.changed"] }),
  });
  return ((await response.json()) as { id: string }).id;
}

async function throughput(bench: Bench): Promise<Comparison> {
  const ours: number[] = [];
  const rival: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const rows = await outbox(bench);
    rival.push(await posting(bench.receiver.url, rows));
    ours.push(await delivering(bench, rows));
  }
  return {
    what: `deliver ${DELIVERIES} events that are due`,
    unit: "/s",
    ours,
    rival: { name: "a bare loop posting the bodies", samples: rival },
  };
}

type Row = typeof deliveries.$inferInsert;

async function outbox({ db, webhook: webhookId }: Bench): Promise<Row[]> {
  const [webhook] = await db.select().from(webhooks).where(eq(webhooks.id, webhookId));
  if (!webhook) throw new Error("there is no webhook");
  return Array.from({ length: DELIVERIES }, () => ({
    id: newId("delivery"),
    teamId: webhook.teamId,
    webhookId,
    eventId: newId("event"),
    eventType: "verdict.changed",
    body: JSON.stringify({ type: "verdict.changed", data: { summary: randomBytes(400).toString("hex") } }),
    status: "pending" as const,
  }));
}

async function posting(url: string, rows: readonly Row[]): Promise<number> {
  const start = performance.now();
  for (const { body, eventId } of rows) {
    const headers = { "content-type": "application/json", "webhook-id": `bare ${eventId}` };
    await (await fetch(url, { method: "POST", headers, body })).arrayBuffer();
  }
  return rows.length / ((performance.now() - start) / 1000);
}

async function delivering({ db, receiver, stack, webhook }: Bench, rows: readonly Row[]): Promise<number> {
  for (let at = 0; at < rows.length; at += 500) await db.insert(deliveries).values(rows.slice(at, at + 500));
  // Consumers may have been woken by the sweep before all were in: what came by now is not measured.
  const early = rows.filter(({ eventId }) => receiver.arrivals.has(eventId)).length;
  const start = performance.now();
  const headers = { authorization: `Bearer ${stack.adminKey}` };
  await Promise.all(
    Array.from({ length: 4 }, () => fetch(`${stack.url}/webhooks/${webhook}/test`, { method: "POST", headers })),
  );
  while (rows.some(({ eventId }) => !receiver.arrivals.has(eventId))) await pause(5);
  return (rows.length - early) / ((performance.now() - start) / 1000);
}

/** Milliseconds, of checkpoints that change their model's verdict. */
async function latency(bench: Bench): Promise<Comparison[]> {
  const client = new Client({ url: bench.stack.url, key: bench.stack.adminKey });
  await client.putSuite("bench", tableSuite());
  // Also warms both Workers up.
  const { step } = await untilTold(bench, client, null);
  const [total, evaluating, telling, bare]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let n = 0; n < MODELS; n += 1) {
    const told = await untilTold(bench, client, step);
    const evaluatedAt = await finishedAt(bench.db, told.modelId, told.step);
    if (evaluatedAt === null) throw new Error("it was told of before it was evaluated");
    total.push(told.arrivedAt - told.answeredAt);
    evaluating.push(evaluatedAt - told.answeredAt);
    telling.push(told.arrivedAt - evaluatedAt);
    const start = performance.now();
    await fetch(bench.receiver.url, { method: "POST", body: told.body, headers: { "webhook-id": "bare" } });
    bare.push(performance.now() - start);
  }
  const rival = { name: "a bare POST of the body", samples: bare };
  const unit = "ms (less is better)";
  return [
    { what: "PUT's answer to webhook", unit, ours: total, rival },
    { what: "the same, 99th percentile", unit, ours: [highest(total)], rival: { ...rival, samples: [highest(bare)] } },
    { what: "of it: PUT's answer to evaluation", unit, ours: evaluating, rival: { name: "all of it", samples: total } },
    { what: "of it: evaluation to webhook", unit, ours: telling, rival: { name: "all of it", samples: total } },
  ];
}

function highest(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[Math.ceil(0.99 * samples.length) - 1] ?? Number.NaN;
}

/** Pushes an underfit model up to the step that changes its verdict; null: one by one, to find that step. */
async function untilTold({ db, receiver }: Bench, client: Client, last: number | null) {
  const { id: modelId } = await client.createModel({ name: randomBytes(8).toString("hex"), suite: "bench" });
  const accuracies = { train: 0.2, validation: 0.1, "ood:shift": 0.1 };
  const told = () => [...receiver.arrivals.values()].find(({ body }) => body.includes(modelId));
  for (let step = 0; step < 100; step += 1) {
    await client.pushCheckpoint(modelId, step, tableModel(`${modelId} ${step}`, accuracies));
    const answeredAt = Date.now();
    if (step === last) while (!told()) await pause(2);
    // A step alone with its evaluator: nothing waits behind another's evaluation.
    else while ((await finishedAt(db, modelId, step)) === null) await pause(10);
    if (last === null) await pause(500);
    const event = told();
    if (event) return { modelId, step, answeredAt, arrivedAt: event.at, body: event.body };
  }
  throw new Error("the verdict never changed");
}

/** In milliseconds since 1970; null before. */
async function finishedAt(db: Database, modelId: string, step: number): Promise<number | null> {
  const [row] = await db
    .select({ finishedAt: evaluations.finishedAt })
    .from(evaluations)
    .where(and(eq(evaluations.modelId, modelId), eq(evaluations.step, step)));
  return row?.finishedAt?.getTime() ?? null;
}
