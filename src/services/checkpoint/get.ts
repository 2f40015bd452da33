import { and, eq, isNull } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { artifacts, checkpoints, evaluations } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import type { PinnedModel } from "../model/internal.ts";
import { artifactFacts, revision } from "./list.ts";

export type CheckpointDetail = Awaited<ReturnType<typeof getCheckpoint>>;

/** A checkpoint with its artifact and evaluation. @throws DomainError `checkpoint_not_found` */
export async function getCheckpoint(ctx: TeamContext, model: PinnedModel, by: { step: number } | { digest: string }) {
  const [row] = await ctx.db
    .select({ checkpoint: checkpoints, artifact: artifactFacts, evaluation: evaluations, revision })
    .from(checkpoints)
    .leftJoin(artifacts, and(eq(artifacts.teamId, checkpoints.teamId), eq(artifacts.digest, checkpoints.digest)))
    .leftJoin(
      evaluations,
      and(eq(evaluations.checkpointId, checkpoints.id), eq(evaluations.suiteVersionId, model.suiteVersionId)),
    )
    .where(
      and(
        eq(checkpoints.teamId, ctx.actor.teamId),
        eq(checkpoints.modelId, model.id),
        isNull(checkpoints.supersededAt),
        "step" in by ? eq(checkpoints.step, by.step) : eq(checkpoints.digest, by.digest),
      ),
    )
    // The same bytes may stand at several steps: the first of them makes the weakest claim.
    .orderBy(checkpoints.step)
    .limit(1);
  if (!row) {
    const what = "step" in by ? `at step ${by.step}` : `with the digest ${by.digest}`;
    throw new DomainError("checkpoint_not_found", `"${model.name}" has no checkpoint ${what}.`);
  }
  return row;
}
