import { and, asc, eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { shards } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { addClasses, type ClassCounts } from "../../evaluation/metrics.ts";
import { type CheckpointDetail, getCheckpoint } from "../checkpoint/get.ts";
import type { PinnedModel } from "../model/internal.ts";

export interface EvaluationDetail {
  checkpoint: CheckpointDetail["checkpoint"];
  evaluation: NonNullable<CheckpointDetail["evaluation"]>;
  /** By split; null where classes are too many, and of what was reported. */
  classes: Map<string, ClassCounts | null>;
}

/**
 * A checkpoint's evaluation on the suite version that its model is pinned to.
 * @throws DomainError `checkpoint_not_found`, `evaluation_not_found`
 */
export async function getEvaluation(ctx: TeamContext, model: PinnedModel, step: number): Promise<EvaluationDetail> {
  const { checkpoint, evaluation } = await getCheckpoint(ctx, model, { step });
  if (!evaluation) {
    throw new DomainError("evaluation_not_found", `Step ${step} has no evaluation on ${model.suiteName}'s version.`);
  }
  const classes = new Map<string, ClassCounts | null>();
  if (evaluation.status === "done") {
    for (const { split, classCounts } of await readClassCounts(ctx, evaluation.id)) {
      classes.set(split, classes.has(split) ? addClasses(classes.get(split), classCounts) : classCounts);
    }
  }
  return { checkpoint, evaluation, classes };
}

async function readClassCounts(ctx: TeamContext, evaluationId: string) {
  return await ctx.db
    .select({ split: shards.split, classCounts: shards.classCounts })
    .from(shards)
    .where(and(eq(shards.teamId, ctx.actor.teamId), eq(shards.evaluationId, evaluationId)))
    .orderBy(asc(shards.ordinal));
}
