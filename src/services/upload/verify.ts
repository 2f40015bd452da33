import { and, eq, isNull, lt, or, sql } from "drizzle-orm";
import { StoreUnavailable } from "../../artifacts/store.ts";
import type { Context } from "../../context.ts";
import { type UploadProblem, uploads, type Verification } from "../../database/schema.ts";
import { DomainError, describeFailure } from "../../errors.ts";
import { TensorFormatError } from "../../tensors/meter.ts";
import { checkInputs } from "../checkpoint/check-inputs.ts";
import type { ReceivedArtifact } from "../checkpoint/receive.ts";
import { registerCheckpoint } from "../checkpoint/register.ts";
import { checkAnnounced } from "../digest.ts";
import { hintEvaluation } from "../evaluation/queue.ts";
import { getModel, type PinnedModel } from "../model/internal.ts";
import { fileLimits } from "../model/policy.ts";
import { readStoredSuite } from "../suite/read-stored.ts";
import { finishVersion, refuseVersion } from "../suite/validating.ts";
import { deleteDiscarded, hintUpload } from "./internal.ts";
import { measureObject, type Progress } from "./measure-object.ts";

/** An upload that took this many attempts without coming further is refused: something about it ends its reader. */
const MAX_ATTEMPTS = 5;
/** A message reads for a part of its lease, and for no longer than this: the platform bounds its CPU time. */
const READING_MS = 200_000;
const STRETCH_BYTES = 64 * 1024 * 1024;
/** Progress is written down this often: with many tensors it is megabytes. */
const SAVE_MS = 2_000;

export type VerifyOutcome = "complete" | "refused" | "put_down" | "nothing_to_do";

type UploadRow = typeof uploads.$inferSelect;

/**
 * Reads a joined upload back from the store and makes it a checkpoint or a version of its suite, or refuses it for
 * good. Any number of messages may be sent for one upload: whoever holds its lease reads, from where the last stopped.
 */
export async function verifyUpload(
  ctx: Context,
  uploadId: string,
  { leaseSeconds }: { leaseSeconds: number },
): Promise<VerifyOutcome> {
  const upload = await claim(ctx, uploadId, leaseSeconds);
  if (!upload) return "nothing_to_do";
  if (upload.attempts > MAX_ATTEMPTS) {
    return await refuse(ctx, upload, {
      code: "verification_failed",
      detail: `It could not be read back in ${MAX_ATTEMPTS} attempts; the log has the cause. Upload it again.`,
    });
  }
  try {
    const started = Date.now();
    const time = Math.min(READING_MS, (leaseSeconds * 1000) / 4);
    let saved = started;
    const progress = {
      from: upload.verification,
      stretchBytes: STRETCH_BYTES,
      save: async (verification: Verification) => {
        if (Date.now() - saved < Math.min(SAVE_MS, time)) return true;
        saved = Date.now();
        await ctx.db.update(uploads).set({ verification, attempts: 1 }).where(eq(uploads.id, upload.id));
        return Date.now() - started < time;
      },
    };
    if (await readOn(ctx, upload, progress)) return "complete";
    await release(ctx, upload, { uncount: true });
    await hintUpload(ctx, upload.id);
    return "put_down";
  } catch (error) {
    const problem = problemOf(error);
    if (problem) return await refuse(ctx, upload, problem);
    // However long the store is away, nobody has died of the file.
    await release(ctx, upload, { uncount: error instanceof StoreUnavailable }).catch((cause) => {
      ctx.log("warn", "upload.release_failed", { uploadId, ...describeFailure(cause) });
    });
    throw error;
  }
}

/** Whether it came to the end: then the upload is what it was sent for. */
async function readOn(ctx: Context, upload: UploadRow, progress: Progress): Promise<boolean> {
  if (upload.suiteId !== null) {
    const contents = await readStoredSuite(ctx, upload, progress);
    if (contents) await finishVersion(ctx, upload, contents);
    return contents !== null;
  }
  const model = await modelOf(ctx, upload);
  const received = await measureObject(ctx, upload, progress, fileLimits(model.policy));
  if (received) await finish(ctx, upload, received);
  return received !== null;
}

/** The attempt is counted here, before it starts. */
async function claim({ db, now }: Context, uploadId: string, leaseSeconds: number): Promise<UploadRow | null> {
  const [claimed] = await db
    .update(uploads)
    .set({ attempts: sql`${uploads.attempts} + 1`, leaseUntil: new Date(now().getTime() + leaseSeconds * 1000) })
    .where(
      and(
        eq(uploads.id, uploadId),
        eq(uploads.status, "verifying"),
        or(isNull(uploads.leaseUntil), lt(uploads.leaseUntil, now())),
      ),
    )
    .returning();
  return claimed ?? null;
}

/** Lets go of the upload; of nothing that another has claimed since. */
async function release({ db }: Context, upload: UploadRow, { uncount }: { uncount: boolean }): Promise<void> {
  await db
    .update(uploads)
    .set({ leaseUntil: null, ...(uncount ? { attempts: sql`${uploads.attempts} - 1` } : {}) })
    .where(and(eq(uploads.id, upload.id), eq(uploads.leaseUntil, upload.leaseUntil ?? new Date(0))));
}

async function finish(ctx: Context, upload: UploadRow, received: ReceivedArtifact): Promise<void> {
  checkAnnounced(upload.claimedDigest, received.digest);
  // Again: reading took its time, and the model may be pinned to another suite by now.
  const model = await modelOf(ctx, upload);
  const { graph } = received.measurement;
  if (graph) checkInputs(graph, model.suiteVersion);
  const checkpoint = { model, step: upload.step ?? 0, bytes: upload.bytes, onlyNew: false };
  const { evaluation, spare } = await ctx.db.transaction((tx) => registerCheckpoint(tx, checkpoint, upload, received));
  if (evaluation) {
    await hintEvaluation(ctx.queues, evaluation).catch((error) => {
      ctx.log("warn", "hint.lost", { cause: String(error) });
    });
  }
  if (spare) await deleteDiscarded(ctx, spare);
}

/** On behalf of the upload's team: nobody is signed in to a queue. */
async function modelOf(ctx: Context, { teamId, modelId }: UploadRow): Promise<PinnedModel> {
  return await getModel({ ...ctx, actor: { teamId, keyId: "", scopes: [] } }, modelId ?? "");
}

/** What is wrong with the upload itself; null where the failure is ours and may pass. */
function problemOf(error: unknown): UploadProblem | null {
  if (error instanceof TensorFormatError) return { code: "invalid_checkpoint", detail: error.message };
  // Given up meanwhile: there is no row left to tell.
  if (error instanceof DomainError && error.code !== "storage_unavailable") {
    return { code: error.code, detail: error.message };
  }
  return null;
}

/** For good: the sender reads why for a week. The object goes at once, or with the row where the store is away. */
async function refuse(ctx: Context, upload: UploadRow, problem: UploadProblem): Promise<VerifyOutcome> {
  const expiresAt = new Date(ctx.now().getTime() + REFUSED_KEPT_MS);
  await ctx.db.transaction(async (tx) => {
    const [row] = await tx
      .update(uploads)
      .set({ status: "refused", problem, expiresAt, verification: null, leaseUntil: null })
      .where(and(eq(uploads.id, upload.id), eq(uploads.status, "verifying")))
      .returning();
    if (row) await refuseVersion(tx, row, problem);
  });
  ctx.log("warn", "upload.refused", { uploadId: upload.id, ...problem });
  await ctx.artifacts.delete(upload.objectKey).catch((error) => {
    ctx.log("warn", "upload.delete_failed", { uploadId: upload.id, cause: String(error) });
  });
  return "refused";
}

const REFUSED_KEPT_MS = 7 * 24 * 60 * 60 * 1000;
