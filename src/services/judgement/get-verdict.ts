import { and, eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { judgements, type StoredVerdict } from "../../database/schema.ts";
import { begin, conclude, DETECTOR_VERSION } from "../../phases/judge.ts";
import type { PinnedModel } from "../model/internal.ts";

export type { StoredVerdict };

/** The verdict on a model as of its frontier; before the first evaluation there is not enough evidence. */
export async function getVerdict(ctx: TeamContext, model: PinnedModel): Promise<StoredVerdict> {
  const [row] = await ctx.db
    .select({ verdict: judgements.verdict })
    .from(judgements)
    .where(
      and(
        eq(judgements.teamId, ctx.actor.teamId),
        eq(judgements.modelId, model.id),
        eq(judgements.suiteVersionId, model.suiteVersionId),
        eq(judgements.detectorVersion, DETECTOR_VERSION),
      ),
    );
  return row?.verdict ?? { ...conclude(begin({ policy: model.policy })), transitions: [] };
}
