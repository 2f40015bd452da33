import { and, asc, eq, gt, isNull, or } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { checkpoints } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { isId } from "../../ids.ts";
import type { PinnedModel } from "../model/internal.ts";
import { selectCheckpoints } from "./joined.ts";

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
  const { step, id } = checkpoints;
  const which = and(
    history ? undefined : isNull(checkpoints.supersededAt),
    after && or(gt(step, after.step), and(eq(step, after.step), gt(id, after.id))),
  );
  return await selectCheckpoints(ctx, model, which).orderBy(asc(step), asc(id)).limit(limit);
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
