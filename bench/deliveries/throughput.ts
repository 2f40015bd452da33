import { randomBytes } from "node:crypto";
import { eq } from "drizzle-orm";
import { deliveries, webhooks } from "../../src/database/schema.ts";
import { newId } from "../../src/ids.ts";
import type { Comparison } from "../main.ts";
import type { Bench } from "./index.ts";

const DELIVERIES = 2_000;
const ROUNDS = 7;
/** As many connections as ours may have: four hints wake up to four consumers, and each has three for one team. */
const AT_ONCE = 12;

/**
 * The outbox at full load beside two loops that post the same bodies without signature, record or retry: one in Node,
 * one after the other, and one in a Worker, which shows what the runtime itself takes.
 */
export async function throughput(bench: Bench): Promise<Comparison[]> {
  const [ours, inNode, inWorker]: [number[], number[], number[]] = [[], [], []];
  await round(bench);
  for (let n = 0; n < ROUNDS; n += 1) {
    const samples = await round(bench);
    inNode.push(samples.inNode);
    inWorker.push(samples.inWorker);
    ours.push(samples.ours);
  }
  const what = `deliver ${DELIVERIES} events that are due`;
  const same = { what, unit: "/s", ours };
  return [
    { ...same, rival: { name: "a bare loop posting the bodies", samples: inNode } },
    { ...same, rival: { name: `a bare loop in a Worker, ${AT_ONCE} at once`, samples: inWorker } },
  ];
}

async function round(bench: Bench) {
  const rows = await outboxRows(bench, DELIVERIES);
  const perSecond = (milliseconds: number) => rows.length / (milliseconds / 1000);
  return {
    inNode: perSecond(await postInNode(bench.receiver.url, rows)),
    inWorker: perSecond(await bench.bareWorker.post(bench.receiver.url, rows.map(toPost("worker")), AT_ONCE)),
    ours: perSecond(await deliver(bench, rows)),
  };
}

export type Row = typeof deliveries.$inferInsert;

export async function outboxRows({ db, webhook: webhookId }: Bench, count: number): Promise<Row[]> {
  const [webhook] = await db.select().from(webhooks).where(eq(webhooks.id, webhookId));
  if (!webhook) throw new Error("there is no webhook");
  return Array.from({ length: count }, () => ({
    id: newId("delivery"),
    teamId: webhook.teamId,
    webhookId,
    eventId: newId("event"),
    eventType: "verdict.changed",
    body: JSON.stringify({ type: "verdict.changed", data: { summary: randomBytes(400).toString("hex") } }),
    status: "pending" as const,
  }));
}

const toPost =
  (from: string) =>
  ({ eventId, body }: Row) => ({ id: `${from} ${eventId}`, body });

async function postInNode(url: string, rows: readonly Row[]): Promise<number> {
  const start = performance.now();
  for (const { id, body } of rows.map(toPost("node"))) {
    const headers = { "content-type": "application/json", "webhook-id": id };
    await (await fetch(url, { method: "POST", headers, body })).arrayBuffer();
  }
  return performance.now() - start;
}

/** From the commit that makes all of them due to the last one's arrival. */
export async function deliver(bench: Bench, rows: readonly Row[]): Promise<number> {
  const come = bench.receiver.all(rows.map(({ eventId }) => eventId));
  await bench.db.transaction(async (tx) => {
    for (let at = 0; at < rows.length; at += 500) await tx.insert(deliveries).values(rows.slice(at, at + 500));
  });
  const start = Date.now();
  await wake(bench);
  return (await come) - start;
}

/** As many hints as the transaction that decides the events would send. */
async function wake({ stack, webhook }: Bench): Promise<void> {
  const headers = { authorization: `Bearer ${stack.adminKey}` };
  const ping = () => fetch(`${stack.url}/webhooks/${webhook}/test`, { method: "POST", headers });
  await Promise.all(Array.from({ length: 4 }, ping));
}
