import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { eq } from "drizzle-orm";
import { startStack } from "../local/stack.ts";
import { connect, type Database } from "../src/database/client.ts";
import { judgements } from "../src/database/schema.ts";
import { ROWS, SPLITS, tableModel, tableSuite } from "../test/stack/table-model.ts";
import { Client } from "../trainer/src/client/client.ts";
import { createRandom } from "../trainer/src/random.ts";
import type { Comparison } from "./main.ts";

const SIZES = [10, 100, 1_000, 10_000];
const ROUNDS = 15;
const POLL_MS = 2;

/**
 * How long the next checkpoint takes, from its PUT to the commit that holds its verdict, on models that have 10 to
 * 10,000 checkpoints already. Their histories are imported, and those of a run that groks; the sizes take turns.
 */
export async function benchCheckpoints(): Promise<Comparison[]> {
  const data = mkdtempSync(join(tmpdir(), "curie-point-bench-"));
  const stack = await startStack({ data, port: 0, postgres: process.env["BENCH_POSTGRES_URL"] });
  const { databaseUrl: url, databaseWsProxy: wsProxy } = stack.connection;
  const database = connect({ url, wsProxy });
  try {
    const client = new Client({ url: stack.url, key: stack.adminKey });
    await client.putSuite("bench", tableSuite());
    const models = new Map<number, { id: string; samples: number[] }>();
    for (const size of SIZES) {
      const { id } = await client.createModel({ name: `bench-${size}-${Date.now()}`, suite: "bench" });
      await importHistory(stack, id, size);
      models.set(size, { id, samples: [] });
    }
    for (let round = -1; round < ROUNDS; round += 1) {
      for (const [size, { id, samples }] of models) {
        const seconds = await judgedAfter(client, database.db, id, size + round + 1);
        // The first warms up.
        if (round >= 0) samples.push(1000 * seconds);
      }
    }
    const [fewest = { samples: [] }] = models.values();
    return [...models].map(([size, { samples }]) => ({
      what: `the next checkpoint after ${size}`,
      unit: "ms (less is better)",
      ours: samples,
      rival: { name: `after ${SIZES[0]}`, samples: fewest.samples },
    }));
  } finally {
    await database.close();
    await stack.close();
    rmSync(data, { recursive: true, force: true });
  }
}

/** Steps 0 to `size` - 1: train is fitted at once, the others rise in the middle, and all jitter as counts do. */
async function importHistory({ url, adminKey }: { url: string; adminKey: string }, id: string, size: number) {
  const random = createRandom(size, "bench-checkpoints");
  const lines = ["step", ...SPLITS.flatMap((split) => [`${split}_correct`, `${split}_total`])].join();
  const rows = Array.from({ length: size }, (_, step) => {
    const cells = SPLITS.flatMap((split) => {
      const accuracy = split === "train" || step > size / 2 ? 0.99 : 0.1;
      const correct = Array.from({ length: ROWS }, () => random.uniform() < accuracy).filter(Boolean).length;
      return [correct, ROWS];
    });
    return [step, ...cells].join();
  });
  const answer = await fetch(`${url}/models/${id}/import`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "text/csv" },
    body: [lines, ...rows].join("\n"),
  });
  if (!answer.ok) throw new Error(`the history is not imported: ${await answer.text()}`);
}

async function judgedAfter(client: Client, db: Database, modelId: string, step: number): Promise<number> {
  const model = tableModel(`${modelId} ${step}`, { train: 1, validation: 1, "ood:shift": 1 });
  const start = performance.now();
  await client.pushCheckpoint(modelId, step, model);
  for (;;) {
    const [judgement] = await db
      .select({ step: judgements.foldedStep })
      .from(judgements)
      .where(eq(judgements.modelId, modelId));
    if (judgement?.step === step) return (performance.now() - start) / 1000;
    await pause(POLL_MS);
  }
}
