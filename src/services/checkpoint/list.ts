import { and, asc, eq, getTableColumns, gt, isNull, or, sql } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { artifacts, checkpoints, evaluations } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { isId } from "../../ids.ts";
import type { PinnedModel } from "../model/internal.ts";

/** An artifact without what was measured of its tensors: in a page of large networks that is more than an isolate holds. */
const { measurement: _, ...artifactFacts } = getTableColumns(artifacts);

export { artifactFacts };

/** The nth time that its step was pushed, from 1. */
export const revision = sql<string>`(
  select count(*) from ${checkpoints} as earlier
  where earlier.model_id = ${checkpoints.modelId} and earlier.step = ${checkpoints.step} and earlier.id <= ${checkpoints.id}
)`.mapWith(Number);

export interface CheckpointPage {
  limit: number;
  /** Of the last checkpoint of the page before. */
  cursor: string | undefined;
  /** With the revisions of steps that were deleted. */
  history: boolean;
}

/** A model's checkpoints by step, and the revisions of a step in the order in which they came. */
export async function listCheckpoints(
  ctx: TeamContext,
  model: PinnedModel,
  { limit, cursor, history }: CheckpointPage,
) {
  const after = cursor === undefined ? undefined : parseCursor(cursor);
  return await ctx.db
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
        history ? undefined : isNull(checkpoints.supersededAt),
        after &&
          or(gt(checkpoints.step, after.step), and(eq(checkpoints.step, after.step), gt(checkpoints.id, after.id))),
      ),
    )
    .orderBy(asc(checkpoints.step), asc(checkpoints.id))
    .limit(limit);
}

/** Where a list goes on after a checkpoint. */
export function cursorAfter({ step, id }: { step: number; id: string }): string {
  return `${step}.${id}`;
}

function parseCursor(cursor: string): { step: number; id: string } {
  const [step = "", id = ""] = cursor.split(".");
  if (!/^\d{1,15}$/.test(step) || !isId("checkpoint", id)) {
    throw new DomainError("invalid_request", "cursor is not the `next` of a page: leave it out to begin at the first.");
  }
  return { step: Number(step), id };
}
