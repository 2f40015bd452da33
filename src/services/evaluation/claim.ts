import { and, asc, eq, inArray, isNull, lt, min, or, sql } from "drizzle-orm";
import type { Context } from "../../context.ts";
import { shards } from "../../database/schema.ts";

export type ShardRow = typeof shards.$inferSelect;

/**
 * Claims the first unit that nobody holds. The attempt is counted here, before it starts. The first open shard stands
 * for its unit: whoever locks that row takes the whole unit. Were any shard a way in, two claimers would enter one
 * unit by different rows and wait for each other's.
 */
export async function claimUnit(
  { db, now }: Pick<Context, "db" | "now">,
  evaluationId: string,
  leaseSeconds: number,
): Promise<ShardRow[]> {
  const time = now();
  const open = and(eq(shards.evaluationId, evaluationId), isNull(shards.doneAt));
  const free = and(open, or(isNull(shards.leaseUntil), lt(shards.leaseUntil, time)));
  const firsts = db
    .select({ ordinal: min(shards.ordinal) })
    .from(shards)
    .where(open)
    .groupBy(shards.unit);
  const unit = db
    .select({ unit: shards.unit })
    .from(shards)
    .where(and(free, inArray(shards.ordinal, firsts)))
    .orderBy(asc(shards.ordinal))
    .limit(1)
    .for("update", { skipLocked: true });
  const claimed = await db
    .update(shards)
    .set({ attempts: sql`${shards.attempts} + 1`, leaseUntil: new Date(time.getTime() + leaseSeconds * 1000) })
    .where(and(free, eq(shards.unit, unit)))
    .returning();
  return claimed.sort((a, b) => a.ordinal - b.ordinal);
}

/**
 * Lets go of a unit that failed, so that a retry need not wait out the lease; of nothing that another has claimed
 * since. `uncount` takes the attempt back too.
 */
export async function releaseUnit(
  { db }: Pick<Context, "db">,
  claimed: readonly ShardRow[],
  { uncount }: { uncount: boolean },
): Promise<void> {
  const [first] = claimed;
  if (!first?.leaseUntil) return;
  // In the order of a claim, whose first lock is the first shard's.
  const held = db
    .select({ ordinal: shards.ordinal })
    .from(shards)
    .where(
      and(
        eq(shards.evaluationId, first.evaluationId),
        eq(shards.unit, first.unit),
        eq(shards.leaseUntil, first.leaseUntil),
        isNull(shards.doneAt),
      ),
    )
    .orderBy(asc(shards.ordinal))
    .for("update");
  await db
    .update(shards)
    .set({ leaseUntil: null, ...(uncount ? { attempts: sql`${shards.attempts} - 1` } : {}) })
    .where(and(eq(shards.evaluationId, first.evaluationId), inArray(shards.ordinal, held)));
}
