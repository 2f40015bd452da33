import { and, eq, isNull, sql } from "drizzle-orm";
import type { Queryable, Transaction } from "../../database/client.ts";
import { artifacts, checkpoints, suiteVersions } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { newId } from "../../ids.ts";
import { queueEvaluation, refuseEvaluation } from "../evaluation/queue.ts";
import { lockModel, type TargetModel } from "../model/internal.ts";
import { closeUpload, discardObject, type Upload } from "../upload/internal.ts";
import { checkInputs } from "./check-inputs.ts";
import type { ReceivedArtifact } from "./receive.ts";

/** Why safetensors are not evaluated. */
export const NO_GRAPH = {
  code: "no_graph",
  message:
    "A safetensors file has weights and no graph: it was measured, and cannot be evaluated here. Push ONNX (torch.onnx.export), or report results with PUT /models/:id/checkpoints/:step/evaluation.",
};

export interface NewCheckpoint {
  model: TargetModel;
  step: number;
  /** Size of the file. */
  bytes: number;
  /** Only where the step is free. */
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

export interface Registration {
  stored: StoredCheckpoint;
  /** To hint at after the commit; null where there is nothing to evaluate. */
  evaluation: { evaluationId: string; units: number } | null;
  /** The upload's own object, where the team had these bytes: for the caller to delete after the commit. */
  spare: Upload | null;
}

type ArtifactInsert = typeof artifacts.$inferInsert;
type CheckpointInsert = typeof checkpoints.$inferInsert;

/** What is written of an artifact, here and in the one statement of register-new.ts. */
export type StoredArtifact = Required<
  Pick<
    ArtifactInsert,
    "teamId" | "digest" | "objectKey" | "bytes" | "format" | "weightNorm" | "parameters" | "measurement"
  >
>;
/** And of a checkpoint. */
export type PlacedCheckpoint = Required<Pick<CheckpointInsert, "id" | "teamId" | "modelId" | "step" | "digest">>;

/**
 * The transaction that makes verified bytes visible: the artifact, the checkpoint and its queued evaluation.
 * @throws DomainError `step_taken`, `precondition_failed`, `model_not_found`; `storage_unavailable` where the upload
 * was given up meanwhile
 */
export async function registerCheckpoint(
  tx: Transaction,
  { model, step, bytes, onlyNew }: NewCheckpoint,
  upload: Upload,
  { digest, measurement }: ReceivedArtifact,
): Promise<Registration> {
  const suiteVersion = await readPinned(tx, model);
  if (measurement.graph && suiteVersion.id !== model.suiteVersionId) checkInputs(measurement.graph, suiteVersion);
  const { teamId } = model;
  const { format, weightNorm, parameters } = measurement;
  const { objectKey } = upload;
  const received: StoredArtifact = { teamId, digest, objectKey, bytes, format, weightNorm, parameters, measurement };
  const [artifact] = await tx
    .insert(artifacts)
    .values(received)
    .onConflictDoUpdate({
      target: [artifacts.teamId, artifacts.digest],
      // Where the bytes were let go, these take their place.
      set: { objectKey: sql`coalesce(${artifacts.objectKey}, excluded.object_key)` },
    })
    .returning({ objectKey: artifacts.objectKey });
  // One object per digest and team: where the bytes are there already, this upload's object is spare.
  const had = artifact?.objectKey !== objectKey;
  await closeUpload(tx, upload, "complete");
  const spare = had ? await discardObject(tx, teamId, { objectKey, bytes }) : null;

  const facts = { step, digest, weightNorm, bytes };
  const placed: PlacedCheckpoint = { id: newId("checkpoint"), teamId, modelId: model.id, step, digest };
  const [checkpoint] = await tx
    .insert(checkpoints)
    .values(placed)
    .onConflictDoNothing()
    .returning({ id: checkpoints.id });
  if (!checkpoint) {
    const existing = await findCheckpoint(tx, model.id, step);
    if (onlyNew) throw stepIsThere(step);
    if (existing?.digest !== digest) throw stepTaken(model, step, existing?.digest ?? null, digest);
    await tx.update(checkpoints).set({ droppedAt: null }).where(eq(checkpoints.id, existing.id));
    return { stored: { id: existing.id, ...facts, created: false }, evaluation: null, spare };
  }
  const stored = { id: checkpoint.id, ...facts, created: true };
  const evaluated = { id: checkpoint.id, teamId, modelId: model.id, step, parameters };
  if (!measurement.graph) {
    await refuseEvaluation(tx, evaluated, suiteVersion, NO_GRAPH);
    return { stored, evaluation: null, spare };
  }
  return { stored, evaluation: await queueEvaluation(tx, evaluated, suiteVersion), spare };
}

/** The suite version to evaluate on: the model may have moved while the bytes came in, and cannot until the commit. */
async function readPinned(tx: Transaction, model: TargetModel): Promise<TargetModel["suiteVersion"]> {
  const id = await lockModel(tx, model, "share");
  if (id === model.suiteVersionId) return model.suiteVersion;
  const [version] = await tx.select().from(suiteVersions).where(eq(suiteVersions.id, id));
  if (!version) throw new Error(`the suite version ${id} vanished`);
  return version;
}

/** The checkpoint that stands at a step, or null. */
export async function findCheckpoint(db: Queryable, modelId: string, step: number) {
  const [row] = await db
    .select({ id: checkpoints.id, digest: checkpoints.digest })
    .from(checkpoints)
    .where(and(eq(checkpoints.modelId, modelId), eq(checkpoints.step, step), isNull(checkpoints.supersededAt)));
  return row ?? null;
}

export function stepIsThere(step: number): DomainError {
  return new DomainError("precondition_failed", `Step ${step} is there already (If-None-Match: *).`);
}

export function stepTaken(
  model: Pick<TargetModel, "name">,
  step: number,
  existing: string | null,
  received: string,
): DomainError {
  if (existing === received) {
    const detail = `Step ${step} of "${model.name}" holds these very bytes: there is nothing to send.`;
    return new DomainError("step_taken", detail, { existing, received });
  }
  return new DomainError(
    "step_taken",
    `Step ${step} of "${model.name}" holds ${existing === null ? "results that were imported" : "other bytes"}. A step is written once: push a new step, DELETE this one first, or make a new model for another run.`,
    { existing, received },
  );
}
