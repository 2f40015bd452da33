import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database, Queryable } from "../../src/database/client.ts";
import { deliveries, evaluations, webhooks } from "../../src/database/schema.ts";
import { newId } from "../../src/ids.ts";
import { collectMetrics } from "../../src/services/metrics/collect.ts";
import { type FaultyStore, startFaultyStore } from "./faulty-store.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { type Receiver, startReceiver } from "./receiver.ts";
import { call, newTeam, shared, until } from "./service.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict } from "./trajectories.ts";

const OPERATOR = "operators-token";
let store: FaultyStore;
let stack: PrivateStack;
let receiver: Receiver;
beforeAll(async () => {
  [store, receiver] = await Promise.all([startFaultyStore(shared()), startReceiver()]);
  stack = await startPrivateStack({ s3: store.url, bindings: { METRICS_TOKEN: OPERATOR } });
});
afterAll(async () => {
  await stack.close();
  await Promise.all([store.close(), receiver.close()]);
});

interface Ready {
  code?: string;
  dependencies: Record<string, { ok: boolean; latencyMs: number }>;
}

test("readiness names each dependency with its latency, and the one that is away", async () => {
  const well = await call<Ready>(stack, "GET", "/readyz");
  expect(well).toMatchObject({
    status: 200,
    body: { status: "ready", dependencies: { database: { ok: true }, store: { ok: true } } },
  });
  for (const { latencyMs } of Object.values(well.body.dependencies)) expect(latencyMs).toBeGreaterThanOrEqual(0);
  store.fault = "refusing";
  const away = await call<Ready>(stack, "GET", "/readyz");
  store.fault = "none";
  expect(away).toMatchObject({
    status: 503,
    body: { code: "not_ready", dependencies: { database: { ok: true }, store: { ok: false } } },
  });
  // Alive all the same: starting it again would mend nothing.
  expect((await call(stack, "GET", "/healthz")).status).toBe(200);
});

/** Samples by name and labels, as a scraper reads them. */
async function scrape(key: string): Promise<Map<string, number>> {
  const { status, headers, text } = await call(stack, "GET", "/metrics", { key });
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const samples = new Map<string, number>();
  const described = new Set<string>();
  for (const line of text.trimEnd().split("\n")) {
    const comment = /^# (?:HELP (\w+) .+|TYPE (\w+) (?:gauge|counter|histogram))$/.exec(line);
    if (comment) {
      described.add(comment[1] ?? comment[2] ?? "");
      continue;
    }
    const [, name = "", labels = "", value] = /^(curie_point_\w+)(\{(?:,?\w+="[^"]*")+\})? (\S+)$/.exec(line) ?? [];
    expect(described, line).toContain(described.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ""));
    expect(Number(value), line).not.toBeNaN();
    samples.set(name.replace("curie_point_", "") + labels, Number(value));
  }
  return samples;
}

test("metrics tell a team of its own work, and the operator of everybody's", async () => {
  const [team, other] = [await newTeam(stack), await newTeam(stack)];
  const webhook = await team.call<{ id: string }>("POST", "/webhooks", { body: { url: receiver.url } });
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.memorizer.slice(0, 3));
  await settledVerdict(team, id);
  await team.call("POST", `/webhooks/${webhook.body.id}/test`);
  await until("the ping", async () => (await scrape(team.key)).get('delivery_attempts{outcome="delivered"}') === 1);
  await waiting(team.db, team.id, webhook.body.id, new Date(Date.now() + 86_400_000));

  const own = await scrape(team.key);
  expect(Object.fromEntries(own)).toMatchObject({
    evaluations_queued: 0,
    evaluation_queue_age_seconds: 0,
    'evaluations_finished{status="done"}': 3,
    'evaluations_finished{status="failed"}': 0,
    deliveries_pending: 1,
    deliveries_due: 0,
    outbox_age_seconds: 0,
    uploads_verifying: 0,
    dead_letters: 0,
  });
  expect(own.get('evaluation_seconds{quantile="0.5"}')).toBeGreaterThan(0);
  expect(own.get('delivery_seconds{quantile="0.99"}')).toBeGreaterThan(0);
  const others = await scrape(other.key);
  expect(others.get('evaluations_finished{status="done"}')).toBe(0);
  expect([...others.keys()].some((name) => name.startsWith("evaluation_seconds"))).toBe(false);
  const all = await scrape(OPERATOR);
  expect(all.get('evaluations_finished{status="done"}')).toBeGreaterThanOrEqual(3);
  expect(all.get("deliveries_pending")).toBeGreaterThanOrEqual(1);
  for (const key of [null, `${OPERATOR}x`, "undefined"]) {
    expect((await call(stack, "GET", "/metrics", { key })).status).toBe(401);
  }
});

test("the ages of queue and outbox are those of what has waited longest", async () => {
  const team = await newTeam(stack);
  const { body: webhook } = await team.call<{ id: string }>("POST", "/webhooks", { body: { url: receiver.url } });
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.memorizer.slice(0, 2));
  await settledVerdict(team, id);
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000);
  await team.db
    .transaction(async (tx) => {
      // Seen here alone: whoever works on it would end its wait.
      await tx
        .update(evaluations)
        .set({ status: "queued", createdAt: ago(7_200) })
        .where(eq(evaluations.modelId, id));
      for (const seconds of [60, 3_600]) await waiting(tx, team.id, webhook.id, ago(seconds));
      // A transaction has every verb of a database but the one that ends it, and nothing here does.
      const db = tx as unknown as Database;
      const families = await collectMetrics({ db, now: () => new Date() }, team.id);
      const value = (name: string) =>
        families.find((family) => family.name === `curie_point_${name}`)?.samples[0]?.value;
      expect(value("evaluations_queued")).toBe(2);
      expect(value("evaluation_queue_age_seconds")).toBeGreaterThanOrEqual(7_200);
      expect(value("deliveries_due")).toBe(2);
      expect(value("outbox_age_seconds")).toBeGreaterThanOrEqual(3_600);
      expect(value("outbox_age_seconds")).toBeLessThan(7_200);
      tx.rollback();
    })
    .catch((error: unknown) => {
      if (!`${error}`.includes("Rollback")) throw error;
    });
});

test("requests are counted by route and status, whatever was asked for, and shown to the operator alone", async () => {
  const team = await newTeam(stack);
  const before = await scrape(OPERATOR);
  const made = async (samples: string) => ((await scrape(OPERATOR)).get(samples) ?? 0) - (before.get(samples) ?? 0);
  const [missing, unmatched] = [
    'requests_total{method="GET",route="/models/:id",status="404"}',
    'requests_total{method="GET",route="unmatched",status="404"}',
  ];
  // Two flushes at least: what comes later is added to what was there.
  for (const [n, address] of ["/models/nobody", "/models/no%22body"].entries()) {
    for (let m = 0; m < 3; m += 1) expect((await team.call("GET", address)).status).toBe(404);
    expect((await team.call("GET", `/nowhere/${n}`)).status).toBe(404);
    await until("the counts", async () => (await made(missing)) === 3 * (n + 1));
  }
  expect(await made(unmatched)).toBe(2);
  const all = await scrape(OPERATOR);
  const of = (labels: string) => all.get(`request_seconds${labels}`) ?? Number.NaN;
  const route = 'method="GET",route="/models/:id"';
  const buckets = [...all].filter(([name]) => name.startsWith(`request_seconds_bucket{${route}`));
  const counts = buckets.map(([, count]) => count);
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(of(`_bucket{${route},le="+Inf"}`)).toBe(of(`_count{${route}}`));
  expect(of(`_sum{${route}}`)).toBeGreaterThan(0);
  expect([...(await scrape(team.key)).keys()].some((name) => name.startsWith("request"))).toBe(false);
});

/** A delivery that is due then. */
async function waiting(db: Queryable, teamId: string, webhookId: string, nextAttemptAt: Date): Promise<void> {
  const row = { id: newId("delivery"), teamId, webhookId, eventId: newId("event"), eventType: "ping" };
  await db.insert(deliveries).values({ ...row, body: "{}", status: "pending", nextAttemptAt });
}

test("the log's ids lead from a PUT's answer to the webhook's arrival", async () => {
  const team = await newTeam(stack);
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.memorizer.slice(0, -1), 1);
  await settledVerdict(team, id);
  const path = "/trace";
  const url = new URL(path, receiver.url).href;
  await team.call("POST", "/webhooks", { body: { url } });
  // Whatever comes next is told of.
  const last = SCRIPTS.grokked.slice(-10).map((point, n) => ({ ...point, step: 10_000 + n }));
  await pushAll(team, id, last, 1);
  await settledVerdict(team, id);
  await until("an event", async () => receiver.received.some((one) => one.path === path));
  const eventId = receiver.received.find((one) => one.path === path)?.headers["webhook-id"];

  const lines = stack.lines.flatMap((line) => {
    const json = /\{.*\}$/.exec(line)?.[0];
    return json ? [JSON.parse(json) as Record<string, unknown>] : [];
  });
  const line = (event: string, which: (fields: Record<string, unknown>) => boolean) => {
    const found = lines.find((fields) => fields["event"] === event && which(fields));
    if (!found) throw new Error(`no line ${event}`);
    return found;
  };
  const attempted = await until("the attempt's line", async () =>
    stack.lines.some((one) => one.includes("delivery.attempted") && one.includes(`${eventId}`)),
  ).then(() => line("delivery.attempted", (fields) => fields["eventId"] === eventId));
  const queued = line("events.queued", ({ deliveryIds }) => Object(deliveryIds).includes(attempted["deliveryId"]));
  const worked = line("evaluation.worked", ({ requestId }) => requestId === queued["requestId"]);
  const stored = line("checkpoint.stored", ({ evaluationId }) => evaluationId === worked["evaluationId"]);
  expect(stored).toMatchObject({ modelId: id, requestId: expect.stringMatching(/^req_/), step: expect.any(Number) });
  expect(await team.db.select().from(webhooks).where(eq(webhooks.teamId, team.id))).toHaveLength(1);
});
