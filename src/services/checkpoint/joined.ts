import { and, eq, getTableColumns, type SQL, sql } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { artifacts, checkpoints, evaluations } from "../../database/schema.ts";
import type { PinnedModel } from "../model/internal.ts";

/** The artifact of a row of `checkpoints`; what was reported or imported has none. */
export const artifactOfCheckpoint = and(
  eq(artifacts.teamId, checkpoints.teamId),
  eq(artifacts.digest, checkpoints.digest),
);

/** The evaluation of a row of `checkpoints` on a suite version. */
export const evaluationOn = (suiteVersionId: string) =>
  and(eq(evaluations.checkpointId, checkpoints.id), eq(evaluations.suiteVersionId, suiteVersionId));

export const checkpointsOf = (ctx: TeamContext, { id }: PinnedModel) =>
  and(eq(checkpoints.teamId, ctx.actor.teamId), eq(checkpoints.modelId, id));

/** An artifact without what was measured of its tensors: in a page of large networks that is more than an isolate holds. */
const { measurement: _, ...artifactFacts } = getTableColumns(artifacts);

/** The nth time that its step was pushed, from 1. */
const revision = sql<string>`(
  select count(*) from ${checkpoints} as earlier
  where earlier.model_id = ${checkpoints.modelId} and earlier.step = ${checkpoints.step} and earlier.id <= ${checkpoints.id}
)`.mapWith(Number);

/** A model's checkpoints with their artifacts and evaluations, for their reader to order and to limit. */
export function selectCheckpoints(ctx: TeamContext, model: PinnedModel, which: SQL | undefined) {
  return ctx.db
    .select({ checkpoint: checkpoints, artifact: artifactFacts, evaluation: evaluations, revision })
    .from(checkpoints)
    .leftJoin(artifacts, artifactOfCheckpoint)
    .leftJoin(evaluations, evaluationOn(model.suiteVersionId))
    .where(and(checkpointsOf(ctx, model), which));
}
