import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { and, eq } from "drizzle-orm";
import type { Database } from "../../src/database/client.ts";
import { evaluations } from "../../src/database/schema.ts";
import { correctOf, ROWS, tableModel, tableSuite } from "../../test/stack/table-model.ts";
import { Client } from "../../trainer/src/client/client.ts";
import type { Comparison } from "../main.ts";
import type { Bench } from "./index.ts";

const MODELS = 120;

/** Milliseconds from a PUT's answer to the webhook, of checkpoints that change their model's verdict. */
export async function latency(bench: Bench): Promise<Comparison[]> {
  const client = new Client({ url: bench.stack.url, key: bench.stack.adminKey });
  await client.putSuite("bench", tableSuite());
  // Also warms both Workers up.
  const step = await stepThatTells(bench, client);
  const [total, evaluating, telling, bare]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let n = 0; n < MODELS; n += 1) {
    const told = await pushUntilTold(bench, client, step);
    total.push(told.arrivedAt - told.answeredAt);
    evaluating.push(told.evaluatedAt - told.answeredAt);
    telling.push(told.arrivedAt - told.evaluatedAt);
    const start = performance.now();
    await fetch(bench.receiver.url, { method: "POST", body: told.body, headers: { "webhook-id": `bare ${n}` } });
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

const ACCURACIES = { train: 0.2, validation: 0.1, "ood:shift": 0.1 };

/** At which step an underfit model's verdict changes first: the verdict says so itself. */
async function stepThatTells(bench: Bench, client: Client): Promise<number> {
  const { id } = await client.createModel({ name: randomBytes(8).toString("hex"), suite: "bench" });
  for (let step = 0; step < 100; step += 1) {
    await push(bench, client, id, step);
    const answer = await fetch(`${bench.stack.url}/models/${id}/verdict`, {
      headers: { authorization: `Bearer ${bench.stack.adminKey}`, accept: "application/json" },
    });
    const { verdict } = (await answer.json()) as { verdict: string };
    if (verdict !== "insufficient_evidence") return step;
  }
  throw new Error("the verdict never changed");
}

async function pushUntilTold(bench: Bench, client: Client, last: number) {
  const { id } = await client.createModel({ name: randomBytes(8).toString("hex"), suite: "bench" });
  await importBefore(bench, id, last);
  const come = bench.receiver.first(id);
  await client.pushCheckpoint(id, last, tableModel(`${id} ${last}`, ACCURACIES));
  const answeredAt = Date.now();
  const { at: arrivedAt, body } = await come;
  const evaluatedAt = await finishedAt(bench.db, id, last);
  if (evaluatedAt === null) throw new Error("it was told of before it was evaluated");
  return { answeredAt, evaluatedAt, arrivedAt, body };
}

/** The same steps as were pushed to the first model, at once. */
async function importBefore({ stack }: Bench, modelId: string, last: number): Promise<void> {
  const splits = Object.entries(ACCURACIES);
  const header = ["step", ...splits.flatMap(([split]) => [`${split}_correct`, `${split}_total`])].join();
  const counts = splits.flatMap(([, accuracy]) => [correctOf(accuracy), ROWS]).join();
  const rows = Array.from({ length: last }, (_, step) => `${step},${counts}`);
  const headers = { authorization: `Bearer ${stack.adminKey}` };
  const body = [header, ...rows].join("\n");
  const { ok } = await fetch(`${stack.url}/models/${modelId}/import`, { method: "POST", headers, body });
  if (!ok) throw new Error("the history was not taken");
}

/** Pushes a checkpoint and waits for its evaluation. */
async function push({ db }: Bench, client: Client, modelId: string, step: number): Promise<void> {
  await client.pushCheckpoint(modelId, step, tableModel(`${modelId} ${step}`, ACCURACIES));
  while ((await finishedAt(db, modelId, step)) === null) await pause(10);
}

/** In milliseconds since 1970; null before. */
async function finishedAt(db: Database, modelId: string, step: number): Promise<number | null> {
  const [row] = await db
    .select({ finishedAt: evaluations.finishedAt })
    .from(evaluations)
    .where(and(eq(evaluations.modelId, modelId), eq(evaluations.step, step)));
  return row?.finishedAt?.getTime() ?? null;
}
