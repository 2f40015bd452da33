import { and, eq, isNotNull, ne, notExists } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import type { Context } from "../../context.ts";
import { judgements } from "../../database/schema.ts";
import { DETECTOR_VERSION } from "../../phases/judge.ts";
import { advanceJudgement } from "./advance.ts";

/** Judges anew, by the present detector, at most so many trajectories that only an earlier one has judged. */
export async function judgeAnew(ctx: Context, limit: number): Promise<number> {
  const present = alias(judgements, "present");
  const outdated = await ctx.db
    .selectDistinct({
      teamId: judgements.teamId,
      modelId: judgements.modelId,
      suiteVersionId: judgements.suiteVersionId,
    })
    .from(judgements)
    .where(
      and(
        ne(judgements.detectorVersion, DETECTOR_VERSION),
        isNotNull(judgements.verdict),
        notExists(
          ctx.db
            .select({ modelId: present.modelId })
            .from(present)
            .where(
              and(
                eq(present.modelId, judgements.modelId),
                eq(present.suiteVersionId, judgements.suiteVersionId),
                eq(present.detectorVersion, DETECTOR_VERSION),
                isNotNull(present.verdict),
              ),
            ),
        ),
      ),
    )
    .orderBy(judgements.modelId)
    .limit(limit);
  for (const key of outdated) {
    try {
      await advanceJudgement(ctx, key, async () => ({ told: [], from: null }));
    } catch (error) {
      // One trajectory that cannot be judged keeps none of the others from it.
      ctx.log("error", "judgement.anew_failed", { ...key, cause: String(error) });
    }
  }
  return outdated.length;
}
