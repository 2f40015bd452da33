import { and, eq, inArray } from "drizzle-orm";
import { StoreUnavailable } from "../../artifacts/store.ts";
import type { Context, TeamContext } from "../../context.ts";
import type { Queryable, Transaction } from "../../database/client.ts";
import { type UploadStatus, uploads } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { newId } from "../../ids.ts";

/** After this an upload's sender is taken for dead. */
const EXPIRES_MS = 60 * 60 * 1000;
/**
 * A discarded upload's row outlives its expiry by this: its body may still be on its way, and the store writes the
 * object only at the body's end. Until then the row is all that knows the key.
 */
export const DISCARD_GRACE_MS = 60 * 60 * 1000;

export interface Upload {
  id: string;
  /** Unique to this upload: nothing is ever overwritten. */
  objectKey: string;
}

/**
 * Begins the upload's object in parts. The row knows their id, so that whatever dies later they can be abandoned; only
 * one that dies between the store's answer and the row is left to the store's own rule for unfinished uploads.
 */
export async function beginParts(ctx: Context, upload: Upload): Promise<string> {
  const multipartId = await ctx.artifacts.beginParts(upload.objectKey);
  await ctx.db.update(uploads).set({ multipartId }).where(eq(uploads.id, upload.id));
  return multipartId;
}

/** What is written of an upload that begins. */
export type OpenedUpload = Required<
  Pick<typeof uploads.$inferInsert, "id" | "teamId" | "objectKey" | "bytes" | "status" | "expiresAt">
> &
  Pick<typeof uploads.$inferInsert, "modelId" | "suiteId" | "step">;

/** The row that exists before the first byte does: whatever dies later, the sweep knows the key. */
export async function openUpload(
  ctx: TeamContext,
  subject: { modelId?: string; suiteId?: string; step?: number; bytes: number },
  expiresMs = EXPIRES_MS,
): Promise<Upload> {
  const { teamId } = ctx.actor;
  const { id, expiresAt, pathInTeam } = newUpload(ctx, subject.suiteId ? "suites" : "artifacts", expiresMs);
  const objectKey = `${teamId}${pathInTeam}`;
  const row: OpenedUpload = { ...subject, id, teamId, objectKey, status: "receiving", expiresAt };
  await ctx.db.insert(uploads).values(row);
  return { id, objectKey };
}

/** An upload before it is known whose it is: its object's key is the team's id, and this path. */
export function newUpload(ctx: Context, kind: "artifacts" | "suites", expiresMs = EXPIRES_MS) {
  const id = newId("upload");
  return { id, expiresAt: new Date(ctx.now().getTime() + expiresMs), pathInTeam: `/${kind}/${id}` };
}

/** Statuses in which an upload may still become an artifact. */
export const OPEN = ["receiving", "verifying"] as const satisfies UploadStatus[];

/**
 * Ends an upload inside the transaction that makes its object visible, or that found the bytes there already: that
 * object is whole, and nothing more will be written.
 */
export async function closeUpload(tx: Transaction, upload: Upload, status: "complete" | "discarded"): Promise<void> {
  const closed = await tx
    .update(uploads)
    .set({ status, ...(status === "discarded" ? { expiresAt: new Date(0) } : {}) })
    .where(and(eq(uploads.id, upload.id), inArray(uploads.status, OPEN)))
    .returning({ id: uploads.id });
  if (closed.length === 0) {
    throw new DomainError("storage_unavailable", "The upload took too long and was given up: send it again.");
  }
}

/** A row for an object that is whole and that nothing points at any more: the sweep's reminder to delete it. */
export async function discardObject(
  tx: Transaction,
  teamId: string,
  object: { objectKey: string; bytes: number },
): Promise<Upload> {
  const id = newId("upload");
  await tx.insert(uploads).values({ id, teamId, ...object, status: "discarded", expiresAt: new Date(0) });
  return { id, objectKey: object.objectKey };
}

/**
 * Gives an upload up after a failure, whoever else may have done so before: an object that came after its upload was
 * discarded is deleted here. Where a commit went through and only its answer was lost, the upload is complete: then
 * its object is in use, and stays. A store that was away a moment ago is not asked again while somebody waits for the
 * answer: then the object is left to the sweep.
 */
export async function discardUpload(ctx: Context, upload: Upload, failure?: unknown): Promise<void> {
  try {
    await giveUp(ctx.db, upload);
    if (failure instanceof StoreUnavailable) return;
    const [row] = await ctx.db.select().from(uploads).where(eq(uploads.id, upload.id));
    if (row?.status !== "complete") await deleteObject(ctx, row ?? upload);
  } catch (error) {
    ctx.log("warn", "upload.discard_failed", { uploadId: upload.id, cause: String(error) });
  }
}

/** Whether the upload was still open: it is discarded now, and what may be in the store is to be deleted. */
export async function giveUp(db: Queryable, upload: Upload): Promise<boolean> {
  const given = await db
    .update(uploads)
    .set({ status: "discarded" })
    .where(and(eq(uploads.id, upload.id), inArray(uploads.status, OPEN)))
    .returning({ id: uploads.id });
  return given.length > 0;
}

/** The object, and the parts of one that never came to be. */
async function deleteObject(ctx: Context, upload: Upload & { multipartId?: string | null }): Promise<void> {
  if (upload.multipartId) await ctx.artifacts.abandonParts(upload.objectKey, upload.multipartId);
  await ctx.artifacts.delete(upload.objectKey);
}

/**
 * Deletes the object of a discarded upload to which nothing more will be written, then the row; where the store is
 * away, the sweep tries again.
 */
export async function deleteDiscarded(ctx: Context, upload: Upload & { multipartId?: string | null }): Promise<void> {
  try {
    await deleteObject(ctx, upload);
    await ctx.db
      .delete(uploads)
      .where(and(eq(uploads.id, upload.id), inArray(uploads.status, ["discarded", "refused"])));
  } catch (error) {
    ctx.log("warn", "upload.delete_failed", { uploadId: upload.id, cause: String(error) });
  }
}

/** What an upload's sender is told when the store is away; any other failure as it is. */
export function asUploadFailure(ctx: Context, error: unknown): unknown {
  return asStoreFailure(ctx, error, "nothing was stored, try again");
}

/** The store's absence as a problem document; any other failure as it is. */
export function asStoreFailure(ctx: Context, error: unknown, advice: string): unknown {
  if (!(error instanceof StoreUnavailable)) return error;
  ctx.log("error", "store.unavailable", { cause: String(error.cause) });
  return new DomainError("storage_unavailable", `The object store does not answer: ${advice}.`);
}

/** Wakes an evaluator to read an upload back. A lost message is found by the sweep. */
export async function hintUpload(ctx: Context, uploadId: string): Promise<void> {
  try {
    await ctx.queues.evaluations.send({ uploadId });
  } catch (error) {
    ctx.log("warn", "hint.lost", { cause: String(error) });
  }
}
