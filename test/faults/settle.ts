import { and, asc, eq, inArray, ne, notInArray } from "drizzle-orm";
import type { Database } from "../../src/database/client.ts";
import { deliveries, evaluations, shards, uploads } from "../../src/database/schema.ts";
import { consume, runSweep } from "./work.ts";
import type { World } from "./world.ts";

/** More than the sweep waits for a hint, and than any lease: what died is found by the next round. */
const ROUND_SECONDS = 200;
/** Enough for uploads to expire and for their grace. */
const MOST_ROUNDS = 40;
const HOUR = 3600;

/** The faults have stopped: sweeps and messages, until nothing is left to do. Returns what is stuck. */
export async function settle(world: World): Promise<string[]> {
  world.laboratory.receiver.next.clear();
  let left: string[] = [];
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    await consumeAll(world);
    left = await unfinished(world.db);
    if (left.length === 0) return [];
    world.advance(await untilDue(world));
    await runSweep(world, null);
  }
  return left;
}

async function consumeAll(world: World): Promise<void> {
  for (let taken = world.messages.shift(); taken; taken = world.messages.shift()) await consume(world, taken, null);
}

/** Rows that say that something is still to do. */
export async function unfinished(db: Database): Promise<string[]> {
  const queued = await db.select({ step: evaluations.step }).from(evaluations).where(eq(evaluations.status, "queued"));
  const open = await db
    .select({ id: shards.evaluationId })
    .from(shards)
    .innerJoin(evaluations, and(eq(evaluations.id, shards.evaluationId), eq(evaluations.status, "done")))
    .where(ne(shards.leaseUntil, new Date(0)));
  const pending = await db
    .select({ type: deliveries.eventType })
    .from(deliveries)
    .where(eq(deliveries.status, "pending"));
  const unended = await db
    .select({ status: uploads.status })
    .from(uploads)
    .where(notInArray(uploads.status, ["complete"]));
  return [
    ...queued.map(({ step }) => `the evaluation of step ${step} is queued`),
    ...open.map(({ id }) => `a lease of ${id}, which is done`),
    ...pending.map(({ type }) => `a delivery of ${type} is pending`),
    ...unended.map(({ status }) => `an upload is ${status}`),
  ];
}

/** Seconds to the next round: what waits longest is not waited for in small steps. */
async function untilDue(world: World): Promise<number> {
  const { db } = world;
  const [due] = await db
    .select({ at: deliveries.nextAttemptAt })
    .from(deliveries)
    .where(eq(deliveries.status, "pending"))
    .orderBy(asc(deliveries.nextAttemptAt))
    .limit(1);
  const [ending] = await db
    .select({ at: uploads.expiresAt })
    .from(uploads)
    .where(inArray(uploads.status, ["receiving", "discarded", "refused"]))
    .orderBy(asc(uploads.expiresAt))
    .limit(1);
  const until = (at: Date | undefined) => (at ? (at.getTime() - world.now().getTime()) / 1000 + 1 : 0);
  return Math.max(ROUND_SECONDS, until(due?.at), ending ? HOUR : 0, until(ending?.at));
}
