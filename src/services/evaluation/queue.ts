import type { Queues } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { evaluations, shards, type suiteVersions } from "../../database/schema.ts";
import { planShards } from "../../evaluation/plan.ts";
import { newId } from "../../ids.ts";

/** More messages than this at once would only wait for each other. */
const MAX_HINTS = 16;

/**
 * Queues the evaluation of a checkpoint: the rows are the outbox entry, written in the transaction that makes the
 * checkpoint visible. Call `hintEvaluation` once it has committed.
 */
export async function queueEvaluation(
  tx: Transaction,
  checkpoint: { id: string; teamId: string; modelId: string; step: number; parameters: number },
  suiteVersion: typeof suiteVersions.$inferSelect,
): Promise<{ evaluationId: string; units: number }> {
  const evaluationId = newId("evaluation");
  const plan = planShards(suiteVersion.splits, checkpoint.parameters);
  await tx.insert(evaluations).values({
    id: evaluationId,
    teamId: checkpoint.teamId,
    modelId: checkpoint.modelId,
    checkpointId: checkpoint.id,
    suiteVersionId: suiteVersion.id,
    step: checkpoint.step,
    status: "queued",
  });
  await tx.insert(shards).values(plan.map((shard) => ({ ...shard, evaluationId, teamId: checkpoint.teamId })));
  return { evaluationId, units: (plan.at(-1)?.unit ?? 0) + 1 };
}

/** The evaluation of a checkpoint that cannot be evaluated: it has failed before it began, and the frontier passes it. */
export async function refuseEvaluation(
  tx: Transaction,
  checkpoint: { id: string; teamId: string; modelId: string; step: number },
  suiteVersion: typeof suiteVersions.$inferSelect,
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
