import { eq, sql } from "drizzle-orm";
import { createArtifactStore } from "../../src/artifacts/store.ts";
import type { Context } from "../../src/context.ts";
import { deliveries, webhooks } from "../../src/database/schema.ts";
import { newId } from "../../src/ids.ts";
import { claimDue } from "../../src/services/delivery/claim.ts";
import { newSecret } from "../../src/services/delivery/sign.ts";
import { sweep } from "../../src/services/sweep/sweep.ts";
import type { Comparison } from "../main.ts";
import type { Bench } from "./index.ts";
import { outboxRows } from "./throughput.ts";

const [FEW, MANY] = [1_000, 100_000];
const DUE = 50;
const SAMPLES = 40;

/**
 * The sweep, and a consumer's claim of what is due, with 100,000 deliveries pending that are not, beside 1,000: both
 * should cost the same.
 */
export async function kept(bench: Bench): Promise<Comparison[]> {
  await keep(bench, FEW);
  const few = await measure(bench);
  await keep(bench, MANY - FEW);
  const many = await measure(bench);
  const unit = "ms (less is better)";
  const rival = (samples: number[]) => ({ name: `with ${FEW} kept`, samples });
  return [
    { what: `sweep, ${DUE} due, ${MANY} pending`, unit, ours: many.sweep, rival: rival(few.sweep) },
    { what: `claim ${DUE} due, ${MANY} pending`, unit, ours: many.claim, rival: rival(few.claim) },
  ];
}

/** Deliveries of tomorrow, on a webhook of their own. */
async function keep({ db, webhook }: Bench, count: number): Promise<void> {
  const [{ teamId } = { teamId: "" }] = await db.select().from(webhooks).where(eq(webhooks.id, webhook));
  const id = newId("webhook");
  const row = { id, teamId, url: "http://127.0.0.1:9/", secret: newSecret(), events: ["verdict.changed"] };
  await db.insert(webhooks).values(row);
  await db.execute(sql`
    insert into deliveries (id, team_id, webhook_id, event_id, event_type, body, status, next_attempt_at)
    select 'dlv_' || gen_random_uuid(), ${teamId}, ${id}, 'evt_' || gen_random_uuid(), 'verdict.changed',
      repeat('x', 800), 'pending', now() + interval '1 day'
    from generate_series(1, ${count}::int)`);
}

async function measure(bench: Bench): Promise<{ sweep: number[]; claim: number[] }> {
  const samples: { sweep: number[]; claim: number[] } = { sweep: [], claim: [] };
  for (let n = 0; n < SAMPLES; n += 1) {
    const rows = await outboxRows(bench, DUE);
    // Seen by this transaction alone, so that no consumer takes what is to be measured.
    await bench.db
      .transaction(async (tx) => {
        await tx.insert(deliveries).values(rows);
        // A transaction has every verb of a database but the one that ends it, and nothing here does.
        const ctx = contextOf(bench, tx as unknown as Context["db"]);
        samples.sweep.push(await timed(() => sweep(ctx, { hintAfterSeconds: 60 })));
        const turn = { most: DUE, open: new Map(), openOfOthers: DUE };
        samples.claim.push(await timed(() => claimDue(ctx, turn)));
        tx.rollback();
      })
      .catch((error: unknown) => {
        if (!`${error}`.includes("Rollback")) throw error;
      });
  }
  return samples;
}

function contextOf({ stack }: Bench, db: Context["db"]): Context {
  return {
    db,
    artifacts: createArtifactStore(stack.connection.s3),
    queues: { evaluations: { send: async () => {} }, deliveries: { send: async () => {} } },
    now: () => new Date(),
    log: () => {},
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
