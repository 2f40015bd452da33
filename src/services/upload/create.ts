import { and, desc, eq, gt, isNotNull, or } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { uploads } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { findCheckpoint, stepTaken } from "../checkpoint/register.ts";
import type { PinnedModel } from "../model/internal.ts";
import { getUpload, type UploadDetail } from "./get.ts";
import { asStoreFailure, beginParts, discardUpload, openUpload } from "./internal.ts";
import { choosePartBytes, EXPIRES_MS } from "./parts.ts";

export interface NewUpload {
  model: PinnedModel;
  step: number;
  /** Size of the file. */
  bytes: number;
  /** `sha256:` and hex, of the file. */
  digest: string;
}

/**
 * Begins an upload whose parts the sender puts at the store itself, or answers with the one that is under way for the
 * same step, size and digest: whoever died in the middle of one begins as before, and finds what is in.
 * @throws DomainError `body_too_large`, `step_taken`, `storage_unavailable`
 */
export async function createUpload(
  ctx: TeamContext,
  { model, step, bytes, digest }: NewUpload,
  mostBytes: number,
): Promise<UploadDetail & { created: boolean }> {
  if (bytes > mostBytes) {
    throw new DomainError(
      "body_too_large",
      `The file has ${bytes} bytes; at most ${mostBytes} are taken, for all of it is read back and the platform bounds the time that may take. Leave optimizer state out, store a narrower dtype, or ask the operator to raise MAX_UPLOAD_BYTES.`,
      { most: mostBytes },
    );
  }
  const existing = await findCheckpoint(ctx.db, model.id, step);
  if (existing) throw stepTaken(model, step, existing.digest, digest);
  try {
    const underWay = await findUnderWay(ctx, { model, step, bytes, digest });
    if (underWay) return { ...(await getUpload(ctx, underWay)), created: false };
    const upload = await openUpload(ctx, { modelId: model.id, step, bytes }, EXPIRES_MS);
    try {
      await beginParts(ctx, upload);
      const presigned = { partBytes: choosePartBytes(bytes), claimedDigest: digest };
      await ctx.db.update(uploads).set(presigned).where(eq(uploads.id, upload.id));
      return { ...(await getUpload(ctx, upload.id)), created: true };
    } catch (error) {
      await discardUpload(ctx, upload);
      throw error;
    }
  } catch (error) {
    throw asStoreFailure(ctx, error, "nothing was begun, try again");
  }
}

async function findUnderWay({ db, now }: TeamContext, { model, step, bytes, digest }: NewUpload) {
  const [row] = await db
    .select({ id: uploads.id })
    .from(uploads)
    .where(
      and(
        eq(uploads.teamId, model.teamId),
        eq(uploads.modelId, model.id),
        eq(uploads.step, step),
        eq(uploads.bytes, bytes),
        eq(uploads.claimedDigest, digest),
        // Once the parts are joined, they need not be sent again, and it does not expire.
        or(eq(uploads.status, "verifying"), and(eq(uploads.status, "receiving"), gt(uploads.expiresAt, now()))),
        isNotNull(uploads.partBytes),
      ),
    )
    .orderBy(desc(uploads.id))
    .limit(1);
  return row?.id ?? null;
}
