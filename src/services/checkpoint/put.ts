import type { Context } from "../../context.ts";
import { DomainError } from "../../errors.ts";
import { hintEvaluation } from "../evaluation/queue.ts";
import type { TargetModel } from "../model/internal.ts";
import { fileLimits } from "../model/policy.ts";
import { asUploadFailure, deleteDiscarded, discardUpload } from "../upload/internal.ts";
import { type AnnouncedCheckpoint, admitCheckpoint } from "./admit.ts";
import { checkInputs } from "./check-inputs.ts";
import { type ReceivedArtifact, receiveArtifact } from "./receive.ts";
import { registerCheckpoint, type StoredCheckpoint } from "./register.ts";
import { registerNew } from "./register-new.ts";

/** What Cloudflare lets a request's body be. */
export const MAX_BODY_BYTES = 100 * 1000 * 1000;

export interface PutCheckpoint extends AnnouncedCheckpoint {
  body: ReadableStream<Uint8Array>;
  /** `sha256:` and hex, where the request claims one. */
  claimedDigest: string | null;
}

export interface TakenIn {
  stored: StoredCheckpoint;
  /** Settles, and never fails, once evaluators have been told: the sender need not wait for it. */
  hinted: Promise<void>;
}

/**
 * Takes a checkpoint in from whoever has the key: upload row, bytes in one pass under the upload's own key, and only
 * when length, digest and the store's own size agree, all or nothing: the artifact, the checkpoint and its queued
 * evaluation.
 */
export async function putCheckpoint(ctx: Context, token: string, input: PutCheckpoint): Promise<TakenIn> {
  const { step, length, onlyNew } = input;
  const { model, upload } = await admitCheckpoint(ctx, token, input);
  try {
    const received = await receiveArtifact(ctx, upload, input, fileLimits(model.policy));
    verify(input, model, received);
    if ((await ctx.artifacts.size(upload.objectKey)) !== length) {
      throw new DomainError("storage_unavailable", "The store kept another length than was sent: send it again.");
    }
    const checkpoint = { model, step, onlyNew, bytes: length };
    const { stored, evaluation, spare } =
      (await registerNew(ctx.db, checkpoint, upload, received)) ??
      (await ctx.db.transaction((tx) => registerCheckpoint(tx, checkpoint, upload, received)));
    const { evaluationId = null } = evaluation ?? {};
    ctx.log("info", "checkpoint.stored", { modelId: model.id, step, checkpointId: stored.id, evaluationId });
    const hinted = evaluation ? hintEvaluation(ctx.queues, evaluation).catch(ignoreLostHint(ctx)) : Promise.resolve();
    if (spare) await deleteDiscarded(ctx, spare);
    return { stored, hinted };
  } catch (error) {
    await discardUpload(ctx, upload, error);
    throw asUploadFailure(ctx, error);
  }
}

function verify({ claimedDigest }: PutCheckpoint, model: TargetModel, { digest, measurement }: ReceivedArtifact): void {
  if (claimedDigest && claimedDigest !== digest) {
    throw new DomainError(
      "digest_mismatch",
      `Content-Digest says ${claimedDigest}; the body is ${digest}: send it again.`,
    );
  }
  if (measurement.graph) checkInputs(measurement.graph, model.suiteVersion);
}

function ignoreLostHint(ctx: Context) {
  return (error: unknown): void => ctx.log("warn", "hint.lost", { cause: String(error) });
}
