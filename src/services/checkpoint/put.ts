import type { TeamContext } from "../../context.ts";
import { DomainError } from "../../errors.ts";
import { hintEvaluation } from "../evaluation/queue.ts";
import type { PinnedModel } from "../model/internal.ts";
import { fileLimits } from "../model/policy.ts";
import { asUploadFailure, deleteDiscarded, discardUpload, openUpload } from "../upload/internal.ts";
import { checkInputs } from "./check-inputs.ts";
import { type ReceivedArtifact, receiveArtifact } from "./receive.ts";
import { findCheckpoint, registerCheckpoint, type StoredCheckpoint, stepIsThere } from "./register.ts";
import { registerNew } from "./register-new.ts";

/** What Cloudflare lets a request's body be. */
export const MAX_BODY_BYTES = 100 * 1000 * 1000;

export interface PutCheckpoint {
  model: PinnedModel;
  step: number;
  body: ReadableStream<Uint8Array>;
  /** Content-Length, in bytes. */
  length: number;
  /** `sha256:` and hex, where the request claims one. */
  claimedDigest: string | null;
  /** `If-None-Match: *`: only where the step is free. */
  onlyNew: boolean;
}

/**
 * Takes a checkpoint in: upload row, bytes in one pass under the upload's own key, and only when length, digest and
 * the store's own size agree, all or nothing: the artifact, the checkpoint and its queued evaluation.
 */
export async function putCheckpoint(ctx: TeamContext, input: PutCheckpoint): Promise<StoredCheckpoint> {
  const { model, step } = input;
  if (input.onlyNew && (await findCheckpoint(ctx.db, model.id, step))) {
    throw stepIsThere(step);
  }
  const upload = await openUpload(ctx, { modelId: model.id, step, bytes: input.length });
  try {
    const received = await receiveArtifact(ctx, upload, input, fileLimits(model.policy));
    verify(input, received);
    if ((await ctx.artifacts.size(upload.objectKey)) !== input.length) {
      throw new DomainError("storage_unavailable", "The store kept another length than was sent: send it again.");
    }
    const checkpoint = { ...input, bytes: input.length };
    const { stored, evaluation, spare } =
      (await registerNew(ctx.db, checkpoint, upload, received)) ??
      (await ctx.db.transaction((tx) => registerCheckpoint(tx, checkpoint, upload, received)));
    const { evaluationId = null } = evaluation ?? {};
    ctx.log("info", "checkpoint.stored", { modelId: model.id, step, checkpointId: stored.id, evaluationId });
    if (evaluation) await hintEvaluation(ctx.queues, evaluation).catch(ignoreLostHint(ctx));
    if (spare) await deleteDiscarded(ctx, spare);
    return stored;
  } catch (error) {
    await discardUpload(ctx, upload, error);
    throw asUploadFailure(ctx, error);
  }
}

function verify({ claimedDigest, model }: PutCheckpoint, { digest, measurement }: ReceivedArtifact): void {
  if (claimedDigest && claimedDigest !== digest) {
    throw new DomainError(
      "digest_mismatch",
      `Content-Digest says ${claimedDigest}; the body is ${digest}: send it again.`,
    );
  }
  if (measurement.graph) checkInputs(measurement.graph, model.suiteVersion);
}

function ignoreLostHint(ctx: TeamContext) {
  return (error: unknown) => ctx.log("warn", "hint.lost", { cause: String(error) });
}
