import { sql } from "drizzle-orm";
import type { Database } from "../../database/client.ts";
import { planShards } from "../../evaluation/plan.ts";
import { newId } from "../../ids.ts";
import type { Upload } from "../upload/internal.ts";
import type { ReceivedArtifact } from "./receive.ts";
import type { NewCheckpoint, Registration } from "./register.ts";

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
  const plan = planShards(model.suiteVersion.splits, parameters);
  // Each part reads the one before it, which orders them: the model's row is held before anything is written.
  const statement = sql`
    with pinned as (
      select id, team_id, suite_version_id from models
      where id = ${model.id} and team_id = ${model.teamId} and suite_version_id = ${model.suiteVersionId}
      for share
    ), closed as (
      update uploads set status = 'complete' from pinned
      where uploads.id = ${upload.id} and uploads.status in ('receiving', 'verifying')
      returning pinned.*
    ), kept as (
      insert into artifacts (team_id, digest, object_key, bytes, format, weight_norm, parameters, measurement)
      select team_id, ${digest}, ${upload.objectKey}, ${bytes}::bigint, ${format}, ${weightNorm}::double precision,
        ${parameters}::bigint, ${JSON.stringify(measurement)}::jsonb
      from closed
      returning team_id, digest
    ), placed as (
      insert into checkpoints (id, team_id, model_id, step, digest)
      select ${checkpointId}, kept.team_id, closed.id, ${step}::bigint, kept.digest from closed, kept
      returning id, team_id, model_id, step
    ), queued as (
      insert into evaluations (id, team_id, model_id, checkpoint_id, suite_version_id, step, status)
      select ${evaluationId}, placed.team_id, model_id, placed.id, suite_version_id, step, 'queued' from closed, placed
      returning id, team_id
    )
    insert into evaluation_shards (evaluation_id, team_id, ordinal, unit, split, first_row, rows)
    select queued.id, team_id, ordinal, unit, split, "firstRow", rows
    from queued, jsonb_to_recordset(${JSON.stringify(plan)}::jsonb)
      as plan(ordinal int, unit int, split text, "firstRow" int, rows int)`;
  try {
    const { rowCount } = await db.execute(statement);
    if (rowCount === 0) return null;
  } catch (error) {
    if (sqlStateOf(error) === UNIQUE_VIOLATION) return null;
    throw error;
  }
  return {
    stored: { id: checkpointId, step, digest, weightNorm, bytes, created: true },
    evaluation: { evaluationId, units: (plan.at(-1)?.unit ?? 0) + 1 },
    spare: null,
  };
}

/** Drizzle wraps what the driver throws. */
function sqlStateOf(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  return typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
}
