import type { Queues } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { evaluations, type SuiteSplit, shards } from "../../database/schema.ts";
import { planShards } from "../../evaluation/plan.ts";
import { newId } from "../../ids.ts";

/** More messages than this at once would only wait for each other. */
const MAX_HINTS = 16;

type EvaluationInsert = typeof evaluations.$inferInsert;
type ShardInsert = typeof shards.$inferInsert;

/** What is written of an evaluation that is queued, here and in the one statement of checkpoint/register-new.ts. */
export type QueuedEvaluation = Required<
  Pick<EvaluationInsert, "id" | "teamId" | "modelId" | "checkpointId" | "suiteVersionId" | "step" | "status">
>;
/** And of its shards. */
export type QueuedShard = Required<
  Pick<ShardInsert, "evaluationId" | "teamId" | "ordinal" | "unit" | "split" | "firstRow" | "rows">
>;

/**
 * Queues the evaluation of a checkpoint: the rows are the outbox entry, written in the transaction that makes the
 * checkpoint visible. Call `hintEvaluation` once it has committed.
 */
export async function queueEvaluation(
  tx: Transaction,
  checkpoint: { id: string; teamId: string; modelId: string; step: number; parameters: number },
  suiteVersion: { id: string; splits: readonly SuiteSplit[] },
): Promise<{ evaluationId: string; units: number }> {
  const evaluationId = newId("evaluation");
  const plan = planShards(suiteVersion.splits, checkpoint.parameters);
  const queued: QueuedEvaluation = {
    id: evaluationId,
    teamId: checkpoint.teamId,
    modelId: checkpoint.modelId,
    checkpointId: checkpoint.id,
    suiteVersionId: suiteVersion.id,
    step: checkpoint.step,
    status: "queued",
  };
  await tx.insert(evaluations).values(queued);
  const planned: QueuedShard[] = plan.map((shard) => ({ ...shard, evaluationId, teamId: checkpoint.teamId }));
  await tx.insert(shards).values(planned);
  return { evaluationId, units: (plan.at(-1)?.unit ?? 0) + 1 };
}

/** The evaluation of a checkpoint that cannot be evaluated: it has failed before it began, and the frontier passes it. */
export async function refuseEvaluation(
  tx: Transaction,
  checkpoint: { id: string; teamId: string; modelId: string; step: number },
  suiteVersion: { id: string },
  failure: { code: string; message: string },
): Promise<void> {
  await tx.insert(evaluations).values({
    id: newId("evaluation"),
    teamId: checkpoint.teamId,
    modelId: checkpoint.modelId,
    checkpointId: checkpoint.id,
    suiteVersionId: suiteVersion.id,
    step: checkpoint.step,
    status: "failed",
    failureCode: failure.code,
    failureMessage: failure.message,
    finishedAt: new Date(),
  });
}

/** Wakes evaluators: a message for each unit of work. A lost message is found by the sweep. */
export async function hintEvaluation(
  queues: Queues,
  evaluation: { evaluationId: string; units: number },
): Promise<void> {
  const hints = Math.min(evaluation.units, MAX_HINTS);
  await Promise.all(
    Array.from({ length: hints }, () => queues.evaluations.send({ evaluationId: evaluation.evaluationId })),
  );
}
