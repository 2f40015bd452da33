import { and, eq, isNull, sql } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import type { Queryable, Transaction } from "../../database/client.ts";
import { artifacts, checkpoints } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { newId } from "../../ids.ts";
import { hintEvaluation, queueEvaluation } from "../evaluation/queue.ts";
import { lockModel, type PinnedModel } from "../model/internal.ts";
import {
  asUploadFailure,
  closeUpload,
  deleteDiscarded,
  discardUpload,
  openUpload,
  type Upload,
} from "../upload/internal.ts";
import { checkInputs } from "./check-inputs.ts";
import { type ReceivedArtifact, receiveArtifact } from "./receive.ts";

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

export interface StoredCheckpoint {
  id: string;
  step: number;
  digest: string;
  weightNorm: number;
  bytes: number;
  created: boolean;
}

/**
 * Takes a checkpoint in: upload row, bytes in one pass under the upload's own key, and only when length, digest and
 * the store's own size agree, in one transaction: the artifact, the checkpoint and its queued evaluation.
 */
export async function putCheckpoint(ctx: TeamContext, input: PutCheckpoint): Promise<StoredCheckpoint> {
  const { model, step } = input;
  if (input.onlyNew && (await findCheckpoint(ctx.db, model.id, step))) {
    throw new DomainError("precondition_failed", `Step ${step} is there already (If-None-Match: *).`);
  }
  const upload = await openUpload(ctx, { modelId: model.id, step, bytes: input.length });
  try {
    const received = await receiveArtifact(ctx, upload, input.body, input.length);
    verify(input, received);
    if ((await ctx.artifacts.size(upload.objectKey)) !== input.length) {
      throw new DomainError("storage_unavailable", "The store kept another length than was sent: send it again.");
    }
    const { stored, evaluation, spare } = await ctx.db.transaction((tx) => register(tx, input, upload, received));
    if (evaluation) await hintEvaluation(ctx.queues, evaluation).catch(ignoreLostHint(ctx));
    if (spare) await deleteDiscarded(ctx, upload);
    return stored;
  } catch (error) {
    await discardUpload(ctx, upload);
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
  if (!measurement.graph) {
    throw new DomainError(
      "unsupported_format",
      "A safetensors file has weights and no graph, so it cannot be evaluated here: send ONNX (torch.onnx.export).",
    );
  }
  checkInputs(measurement.graph, model.suiteVersion);
}

async function register(tx: Transaction, input: PutCheckpoint, upload: Upload, received: ReceivedArtifact) {
  const { model, step } = input;
  const { digest, measurement } = received;
  await lockModel(tx, model, "share");
  const [artifact] = await tx
    .insert(artifacts)
    .values({
      teamId: model.teamId,
      digest,
      objectKey: upload.objectKey,
      bytes: input.length,
      format: measurement.format,
      weightNorm: measurement.weightNorm,
      parameters: measurement.parameters,
      measurement,
    })
    .onConflictDoUpdate({
      target: [artifacts.teamId, artifacts.digest],
      // Where the bytes were let go, these take their place.
      set: { objectKey: sql`coalesce(${artifacts.objectKey}, excluded.object_key)` },
    })
    .returning({ objectKey: artifacts.objectKey });
  // One object per digest and team: where the bytes are there already, this upload's object is spare.
  const spare = artifact?.objectKey !== upload.objectKey;
  await closeUpload(tx, upload, spare ? "discarded" : "complete");

  const facts = { step, digest, weightNorm: measurement.weightNorm, bytes: input.length };
  const [checkpoint] = await tx
    .insert(checkpoints)
    .values({ id: newId("checkpoint"), teamId: model.teamId, modelId: model.id, step, digest })
    .onConflictDoNothing()
    .returning({ id: checkpoints.id });
  if (!checkpoint) {
    const existing = await findCheckpoint(tx, model.id, step);
    if (input.onlyNew)
      throw new DomainError("precondition_failed", `Step ${step} is there already (If-None-Match: *).`);
    if (existing?.digest !== digest) {
      throw new DomainError(
        "step_taken",
        `Step ${step} of "${model.name}" holds other bytes. A step is written once: push a new step, DELETE this one first, or make a new model for another run.`,
        { existing: existing?.digest ?? null, received: digest },
      );
    }
    await tx.update(checkpoints).set({ droppedAt: null }).where(eq(checkpoints.id, existing.id));
    return { stored: { id: existing.id, ...facts, created: false }, evaluation: null, spare };
  }
  const evaluation = await queueEvaluation(
    tx,
    { id: checkpoint.id, teamId: model.teamId, modelId: model.id, step, parameters: measurement.parameters },
    model.suiteVersion,
  );
  return { stored: { id: checkpoint.id, ...facts, created: true }, evaluation, spare };
}

async function findCheckpoint(db: Queryable, modelId: string, step: number) {
  const [row] = await db
    .select({ id: checkpoints.id, digest: checkpoints.digest })
    .from(checkpoints)
    .where(and(eq(checkpoints.modelId, modelId), eq(checkpoints.step, step), isNull(checkpoints.supersededAt)));
  return row ?? null;
}

function ignoreLostHint(ctx: TeamContext) {
  return (error: unknown) => ctx.log("warn", "hint.lost", { cause: String(error) });
}
