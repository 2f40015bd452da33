import { and, eq, isNull, lte } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { checkpoints, evaluations, type Provenance } from "../../database/schema.ts";
import type { PinnedModel } from "../model/internal.ts";

/** Whose measurements the points up to a step are: ours, somebody's, or some of each. */
export type EvidenceProvenance = Provenance | "mixed";

export async function provenanceOf(
  ctx: TeamContext,
  model: PinnedModel,
  asOfStep: number | null,
): Promise<EvidenceProvenance> {
  if (asOfStep === null || !(await hasAny(ctx, model, asOfStep, "reported"))) return "measured";
  return (await hasAny(ctx, model, asOfStep, "measured")) ? "mixed" : "reported";
}

async function hasAny(ctx: TeamContext, model: PinnedModel, asOfStep: number, provenance: Provenance) {
  const rows = await ctx.db
    .select({ id: evaluations.id })
    .from(evaluations)
    .innerJoin(checkpoints, eq(checkpoints.id, evaluations.checkpointId))
    .where(
      and(
        eq(evaluations.teamId, ctx.actor.teamId),
        eq(evaluations.modelId, model.id),
        eq(evaluations.suiteVersionId, model.suiteVersionId),
        eq(evaluations.status, "done"),
        eq(evaluations.provenance, provenance),
        lte(evaluations.step, asOfStep),
        isNull(checkpoints.supersededAt),
      ),
    )
    .limit(1);
  return rows.length > 0;
}
