import { and, desc, eq, gt, isNotNull, or } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { uploads } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { findCheckpoint, stepTaken } from "../checkpoint/register.ts";
import type { PinnedModel } from "../model/internal.ts";
import { ensureSuite } from "../suite/internal.ts";
import { MAX_STORED_SUITE_BYTES } from "../suite/read-stored.ts";
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
  return await beginUpload(ctx, { modelId: model.id, step, bytes, digest });
}

/**
 * The same of a suite: once it is read back it is a version.
 * @throws DomainError `body_too_large`, `storage_unavailable`
 */
export async function createSuiteUpload(
  ctx: TeamContext,
  { name, bytes, digest }: { name: string; bytes: number; digest: string },
): Promise<UploadDetail & { created: boolean }> {
  if (bytes > MAX_STORED_SUITE_BYTES) {
    throw new DomainError(
      "body_too_large",
      `The file has ${bytes} bytes; at most ${MAX_STORED_SUITE_BYTES} are taken: every checkpoint is asked all of it, so choose a sample.`,
      { most: MAX_STORED_SUITE_BYTES },
    );
  }
  const suite = await ensureSuite(ctx, name);
  return await beginUpload(ctx, { suiteId: suite.id, bytes, digest });
}

/** What is uploaded: the checkpoint at a step, or a version of a suite. */
type Subject = { bytes: number; digest: string } & ({ modelId: string; step: number } | { suiteId: string });

async function beginUpload(ctx: TeamContext, subject: Subject): Promise<UploadDetail & { created: boolean }> {
  const { digest, ...opened } = subject;
  try {
    const underWay = await findUnderWay(ctx, subject);
    if (underWay) return { ...(await getUpload(ctx, underWay)), created: false };
    const upload = await openUpload(ctx, opened, EXPIRES_MS);
    try {
      await beginParts(ctx, upload);
      const presigned = { partBytes: choosePartBytes(subject.bytes), claimedDigest: digest };
      await ctx.db.update(uploads).set(presigned).where(eq(uploads.id, upload.id));
      return { ...(await getUpload(ctx, upload.id)), created: true };
    } catch (error) {
      await discardUpload(ctx, upload, error);
      throw error;
    }
  } catch (error) {
    throw asStoreFailure(ctx, error, "nothing was begun, try again");
  }
}

async function findUnderWay({ db, now, actor }: TeamContext, subject: Subject) {
  const [row] = await db
    .select({ id: uploads.id })
    .from(uploads)
    .where(
      and(
        eq(uploads.teamId, actor.teamId),
        "suiteId" in subject
          ? eq(uploads.suiteId, subject.suiteId)
          : and(eq(uploads.modelId, subject.modelId), eq(uploads.step, subject.step)),
        eq(uploads.bytes, subject.bytes),
        eq(uploads.claimedDigest, subject.digest),
        // Once the parts are joined, they need not be sent again, and it does not expire.
        or(eq(uploads.status, "verifying"), and(eq(uploads.status, "receiving"), gt(uploads.expiresAt, now()))),
        isNotNull(uploads.partBytes),
      ),
    )
    .orderBy(desc(uploads.id))
    .limit(1);
  return row?.id ?? null;
}
