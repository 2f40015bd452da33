import { sql } from "drizzle-orm";
import type { Database } from "../../database/client.ts";
import { artifacts, checkpoints, evaluations, shards, uploads } from "../../database/schema.ts";
import { insertInto, statement } from "../../database/statement.ts";
import { type PlannedShard, planShards } from "../../evaluation/plan.ts";
import { newId } from "../../ids.ts";
import type { Measurement } from "../../tensors/meter.ts";
import type { QueuedEvaluation, QueuedShard } from "../evaluation/queue.ts";
import type { Upload } from "../upload/internal.ts";
import type { ReceivedArtifact } from "./receive.ts";
import type { NewCheckpoint, PlacedCheckpoint, Registration, StoredArtifact } from "./register.ts";

/** SQLSTATE of a row that a unique index refuses. */
const UNIQUE_VIOLATION = "23505";

/**
 * `registerCheckpoint` for the push that meets nothing, which nearly all do: the same rows in one statement, so in one
 * round trip instead of eight. It is all or nothing: null where a step, bytes or a model's new pin stood in the way, or
 * there is nothing to evaluate; then nothing was written, and the transaction says what it is.
 */
export async function registerNew(
  db: Database,
  { model, step, bytes }: NewCheckpoint,
  upload: Upload,
  { digest, measurement }: ReceivedArtifact,
): Promise<Registration | null> {
  const { format, weightNorm, parameters } = measurement;
  if (!measurement.graph) return null;
  const [checkpointId, evaluationId] = [newId("checkpoint"), newId("evaluation")];
  const { id: modelId, teamId, suiteVersionId } = model;
  const plan = planShards(model.suiteVersion.splits, parameters);
  try {
    const [evaluation] = await register(db, {
      ...{ modelId, teamId, suiteVersionId, uploadId: upload.id, objectKey: upload.objectKey, checkpointId, step },
      ...{ digest, bytes, format, weightNorm, parameters, measurement, evaluationId, plan: JSON.stringify(plan) },
    });
    if (!evaluation) return null;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === UNIQUE_VIOLATION) return null;
    throw error;
  }
  return {
    stored: { id: checkpointId, step, digest, weightNorm, bytes, created: true },
    evaluation: { evaluationId, units: (plan.at(-1)?.unit ?? 0) + 1 },
    spare: null,
  };
}

type Values = {
  modelId: string;
  teamId: string;
  suiteVersionId: string;
  uploadId: string;
  objectKey: string;
  checkpointId: string;
  step: number;
  digest: string;
  bytes: number;
  format: Measurement["format"];
  weightNorm: number;
  parameters: number;
  measurement: Measurement;
  evaluationId: string;
  /** JSON of the planned shards. */
  plan: string;
};

/** A column of the plan's rows. */
const planned = (name: keyof PlannedShard) => sql`plan.${sql.identifier(name)}`;

// Each part reads the one before it, which orders them: the model's row is held before anything is written.
const register = statement<Values, { id: string }>(
  (given) => sql`
    with pinned as (
      select id, team_id, suite_version_id from models
      where id = ${given.modelId} and team_id = ${given.teamId} and suite_version_id = ${given.suiteVersionId}
      for share
    ), closed as (
      update ${uploads} set status = 'complete' from pinned
      where uploads.id = ${given.uploadId} and uploads.status in ('receiving', 'verifying')
      returning pinned.*
    ), kept as (
      ${insertInto<StoredArtifact>(artifacts, {
        teamId: sql`team_id`,
        digest: given.digest,
        objectKey: given.objectKey,
        bytes: given.bytes,
        format: given.format,
        weightNorm: given.weightNorm,
        parameters: given.parameters,
        measurement: given.measurement,
      })} from closed
      returning digest
    ), placed as (
      ${insertInto<PlacedCheckpoint>(checkpoints, {
        id: given.checkpointId,
        teamId: sql`team_id`,
        modelId: sql`closed.id`,
        step: given.step,
        digest: sql`digest`,
      })} from closed, kept
      returning id
    ), queued as (
      ${insertInto<QueuedEvaluation>(evaluations, {
        id: given.evaluationId,
        teamId: sql`team_id`,
        modelId: sql`closed.id`,
        checkpointId: sql`placed.id`,
        suiteVersionId: sql`suite_version_id`,
        step: given.step,
        status: sql`'queued'`,
      })} from closed, placed
      returning id
    ), planned as (
      ${insertInto<QueuedShard>(shards, {
        evaluationId: sql`queued.id`,
        teamId: sql`team_id`,
        ordinal: planned("ordinal"),
        unit: planned("unit"),
        split: planned("split"),
        firstRow: planned("firstRow"),
        rows: planned("rows"),
      })} from closed, queued, jsonb_to_recordset(${given.plan}::jsonb)
        as plan(ordinal int, unit int, split text, "firstRow" int, rows int)
    )
    select id from queued`,
);
