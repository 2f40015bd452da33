import { and, asc, eq, lt, lte, ne, or } from "drizzle-orm";
import type { Context } from "../../context.ts";
import { deliveries, evaluations, uploads } from "../../database/schema.ts";
import { hintDeliveries } from "../delivery/enqueue.ts";
import { hintEvaluation } from "../evaluation/queue.ts";
import { deleteDiscarded, discardUpload } from "../upload/internal.ts";

/** A sweep does this much of each kind and leaves the rest to the next: its own time is bounded too. */
const BATCH = 100;

export interface SweepOptions {
  /** A queued evaluation is hinted at again when its last hint is older than this. */
  hintAfterSeconds: number;
}

export interface SweepTally {
  evaluations: number;
  deliveries: number;
  uploads: number;
}

/**
 * Finds what a lost message or a dead Worker left behind and sends it on its way again: queued evaluations, due
 * deliveries, uploads whose sender died and objects that nothing points at. Safe to run at any time, any number at
 * once.
 */
export async function sweep(ctx: Context, options: SweepOptions): Promise<SweepTally> {
  return {
    evaluations: await hintForgottenEvaluations(ctx, options),
    deliveries: await hintDueDeliveries(ctx),
    uploads: await discardUploads(ctx),
  };
}

async function hintForgottenEvaluations(ctx: Context, { hintAfterSeconds }: SweepOptions): Promise<number> {
  const now = ctx.now();
  const forgotten = and(
    eq(evaluations.status, "queued"),
    lt(evaluations.hintedAt, new Date(now.getTime() - hintAfterSeconds * 1000)),
  );
  const some = await ctx.db
    .select({ id: evaluations.id })
    .from(evaluations)
    .where(forgotten)
    .orderBy(asc(evaluations.hintedAt))
    .limit(BATCH);
  for (const { id } of some) {
    // Only the sweep that moves the time sends the message.
    const moved = await ctx.db
      .update(evaluations)
      .set({ hintedAt: now })
      .where(and(eq(evaluations.id, id), forgotten))
      .returning({ id: evaluations.id });
    if (moved.length > 0) await hintEvaluation(ctx.queues, { evaluationId: id, units: 1 });
  }
  return some.length;
}

/** A due delivery is claimed by whoever sends it, so a second hint costs a query and no more. */
async function hintDueDeliveries(ctx: Context): Promise<number> {
  const due = await ctx.db
    .select({ id: deliveries.id })
    .from(deliveries)
    .where(and(eq(deliveries.status, "pending"), lte(deliveries.nextAttemptAt, ctx.now())))
    .orderBy(asc(deliveries.nextAttemptAt))
    .limit(BATCH);
  await hintDeliveries(
    ctx,
    due.map(({ id }) => id),
  );
  return due.length;
}

async function discardUploads(ctx: Context): Promise<number> {
  const unfinished = await ctx.db
    .select({ id: uploads.id, objectKey: uploads.objectKey, status: uploads.status })
    .from(uploads)
    .where(and(ne(uploads.status, "complete"), or(eq(uploads.status, "discarded"), lt(uploads.expiresAt, ctx.now()))))
    .orderBy(asc(uploads.expiresAt))
    .limit(BATCH);
  for (const upload of unfinished) {
    if (upload.status === "discarded") await deleteDiscarded(ctx, upload);
    else await discardUpload(ctx, upload);
  }
  return unfinished.length;
}
