import { and, asc, eq, inArray, isNull, lt, lte, or } from "drizzle-orm";
import type { Context } from "../../context.ts";
import { deadLetters, deliveries, evaluations, pins, sessions, uploads } from "../../database/schema.ts";
import { thinModels } from "../checkpoint/thin.ts";
import { hintDeliveries } from "../delivery/enqueue.ts";
import { hintEvaluation } from "../evaluation/queue.ts";
import { judgeAnew } from "../judgement/judge-anew.ts";
import { hintMove } from "../model/move.ts";
import { DISCARD_GRACE_MS, deleteDiscarded, discardUpload, hintUpload } from "../upload/internal.ts";

/** A sweep does this much of each kind and leaves the rest to the next: its own time is bounded too. */
const BATCH = 100;
/** A complete upload's row has done its work; it is kept this long for whoever looks into a push. */
const UPLOADS_KEPT_MS = 7 * 24 * 60 * 60 * 1000;
/** Dead letters are for whoever looks into what went wrong. */
const LETTERS_KEPT_MS = 30 * 24 * 60 * 60 * 1000;

export interface SweepOptions {
  /** A queued evaluation is hinted at again when its last hint is older than this. */
  hintAfterSeconds: number;
}

export interface SweepTally {
  evaluations: number;
  deliveries: number;
  uploads: number;
  /** Uploads that are still to be read back. */
  verifications: number;
  /** Models that are still moving to another suite version. */
  moves: number;
  /** Checkpoints whose bytes their model keeps no more. */
  dropped: number;
  /** Trajectories judged anew, because only an earlier detector had judged them. */
  judgements: number;
  /** Rows of no further use. */
  rows: number;
}

/**
 * Finds what a lost message or a dead Worker left behind and sends it on its way again: queued evaluations, due
 * deliveries, uploads whose sender died and objects that nothing points at; and deletes rows that have had their time.
 * Safe to run at any time, any number at once. A kind that fails is logged, and the others go on.
 */
export async function sweep(ctx: Context, options: SweepOptions): Promise<SweepTally> {
  const attempt = async (kind: keyof SweepTally, part: () => Promise<number>) => {
    try {
      return await part();
    } catch (error) {
      ctx.log("error", "sweep.failed", { kind, cause: String(error) });
      return 0;
    }
  };
  return {
    evaluations: await attempt("evaluations", () => hintForgottenEvaluations(ctx, options)),
    deliveries: await attempt("deliveries", () => hintDueDeliveries(ctx)),
    uploads: await attempt("uploads", () => discardUploads(ctx)),
    verifications: await attempt("verifications", () => hintForgottenUploads(ctx, options)),
    moves: await attempt("moves", () => hintForgottenMoves(ctx, options)),
    dropped: await attempt("dropped", () => thinModels(ctx)),
    judgements: await attempt("judgements", () => judgeAnew(ctx, BATCH)),
    rows: await attempt("rows", () => deleteOldRows(ctx)),
  };
}

async function hintForgottenEvaluations(ctx: Context, { hintAfterSeconds }: SweepOptions): Promise<number> {
  const now = ctx.now();
  const forgotten = and(
    eq(evaluations.status, "queued"),
    lt(evaluations.hintedAt, new Date(now.getTime() - hintAfterSeconds * 1000)),
  );
  const some = await ctx.db
    .select({ id: evaluations.id, hintedAt: evaluations.hintedAt })
    .from(evaluations)
    .where(forgotten)
    .orderBy(asc(evaluations.hintedAt))
    .limit(BATCH);
  for (const { id, hintedAt } of some) {
    // Only the sweep that moves the time sends the message.
    const moved = await ctx.db
      .update(evaluations)
      .set({ hintedAt: now })
      .where(and(eq(evaluations.id, id), forgotten))
      .returning({ id: evaluations.id });
    if (moved.length === 0) continue;
    try {
      await hintEvaluation(ctx.queues, { evaluationId: id, units: 1 });
    } catch (error) {
      // Not sent: the next sweep tries again and need not wait until this time has grown old.
      await ctx.db
        .update(evaluations)
        .set({ hintedAt })
        .where(and(eq(evaluations.id, id), eq(evaluations.hintedAt, now)));
      throw error;
    }
  }
  return some.length;
}

/** A consumer that is awake goes on until nothing is due, so a few hints are enough for any number. */
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

async function hintForgottenUploads(ctx: Context, { hintAfterSeconds }: SweepOptions): Promise<number> {
  const now = ctx.now();
  const forgotten = and(
    eq(uploads.status, "verifying"),
    lt(uploads.hintedAt, new Date(now.getTime() - hintAfterSeconds * 1000)),
    or(isNull(uploads.leaseUntil), lt(uploads.leaseUntil, now)),
  );
  const some = await ctx.db
    .select({ id: uploads.id })
    .from(uploads)
    .where(forgotten)
    .orderBy(asc(uploads.hintedAt))
    .limit(BATCH);
  for (const { id } of some) {
    // Only the sweep that moves the time sends the message.
    const moved = await ctx.db
      .update(uploads)
      .set({ hintedAt: now })
      .where(and(eq(uploads.id, id), forgotten))
      .returning({ id: uploads.id });
    if (moved.length > 0) await hintUpload(ctx, id);
  }
  return some.length;
}

async function hintForgottenMoves(ctx: Context, { hintAfterSeconds }: SweepOptions): Promise<number> {
  const now = ctx.now();
  const forgotten = and(
    isNull(pins.backfilledAt),
    lt(pins.hintedAt, new Date(now.getTime() - hintAfterSeconds * 1000)),
  );
  const some = await ctx.db
    .select({ modelId: pins.modelId, suiteVersionId: pins.suiteVersionId })
    .from(pins)
    .where(forgotten)
    .orderBy(asc(pins.hintedAt))
    .limit(BATCH);
  for (const { modelId, suiteVersionId } of some) {
    // Only the sweep that moves the time sends the message.
    const moved = await ctx.db
      .update(pins)
      .set({ hintedAt: now })
      .where(and(eq(pins.modelId, modelId), eq(pins.suiteVersionId, suiteVersionId), forgotten))
      .returning({ modelId: pins.modelId });
    if (moved.length > 0) await hintMove(ctx, modelId);
  }
  return some.length;
}

async function discardUploads(ctx: Context): Promise<number> {
  const now = ctx.now();
  const expired = and(eq(uploads.status, "receiving"), lt(uploads.expiresAt, now));
  const outlived = and(
    inArray(uploads.status, ["discarded", "refused"]),
    lt(uploads.expiresAt, new Date(now.getTime() - DISCARD_GRACE_MS)),
  );
  const unfinished = await ctx.db
    .select()
    .from(uploads)
    .where(or(expired, outlived))
    .orderBy(asc(uploads.expiresAt))
    .limit(BATCH);
  for (const upload of unfinished) {
    if (upload.status === "receiving") await discardUpload(ctx, upload);
    else await deleteDiscarded(ctx, upload);
  }
  return unfinished.length;
}

async function deleteOldRows({ db, now }: Context): Promise<number> {
  const ended = db.select({ id: sessions.id }).from(sessions).where(lt(sessions.expiresAt, now())).limit(BATCH);
  const complete = db
    .select({ id: uploads.id })
    .from(uploads)
    .where(and(eq(uploads.status, "complete"), lt(uploads.createdAt, new Date(now().getTime() - UPLOADS_KEPT_MS))))
    .limit(BATCH);
  const letters = db
    .select({ id: deadLetters.id })
    .from(deadLetters)
    .where(lt(deadLetters.createdAt, new Date(now().getTime() - LETTERS_KEPT_MS)))
    .limit(BATCH);
  const gone = [
    ...(await db.delete(deadLetters).where(inArray(deadLetters.id, letters)).returning({ id: deadLetters.id })),
    ...(await db.delete(sessions).where(inArray(sessions.id, ended)).returning({ id: sessions.id })),
    ...(await db.delete(uploads).where(inArray(uploads.id, complete)).returning({ id: uploads.id })),
  ];
  return gone.length;
}
