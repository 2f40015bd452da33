import { and, count, eq, isNull, lte, or } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { checkpoints, evaluations, pins, suites, suiteVersions } from "../../database/schema.ts";
import type { PinnedModel } from "../model/internal.ts";

export interface MoveCaveat {
  code: "left_version" | "new_trajectory" | "backfilling";
  message: string;
}

/** What a model's move to another suite version says about a verdict: that the trajectory is another, or not whole yet. */
export async function moveCaveats(ctx: TeamContext, model: PinnedModel): Promise<MoveCaveat[]> {
  if (!model.current) {
    const message =
      "The model was moved to another suite version: this trajectory stands as it was left, and takes no new checkpoints.";
    return [{ code: "left_version", message }];
  }
  const [move] = await ctx.db
    .select({ pin: pins, fromSuite: suites.name, fromVersion: suiteVersions.version })
    .from(pins)
    .innerJoin(suiteVersions, eq(suiteVersions.id, pins.fromVersionId))
    .innerJoin(suites, eq(suites.id, suiteVersions.suiteId))
    .where(
      and(eq(pins.teamId, ctx.actor.teamId), eq(pins.modelId, model.id), eq(pins.suiteVersionId, model.suiteVersionId)),
    );
  if (!move) return [];
  const { pin, fromSuite, fromVersion } = move;
  const { throughStep } = pin;
  if (throughStep === null) return [];
  const began = `The model was moved here from "${fromSuite}" ${fromVersion} at ${pin.pinnedAt.toISOString()}, and a new trajectory began: all its checkpoints are evaluated on this version. The one before is at ?suite=${fromVersion}.`;
  const caveats: MoveCaveat[] = [{ code: "new_trajectory", message: began }];
  if (pin.judgedAt === null) {
    const { left, all } = await countLeft(ctx, model, throughStep);
    const message = `Of the ${all} checkpoints that stood at the move, ${left} are still to be evaluated on this version; nothing is judged before all of them are in.`;
    caveats.push({ code: "backfilling", message });
  }
  return caveats;
}

async function countLeft({ db }: TeamContext, model: PinnedModel, throughStep: number) {
  const stood = and(
    eq(checkpoints.modelId, model.id),
    isNull(checkpoints.supersededAt),
    lte(checkpoints.step, throughStep),
  );
  const ofVersion = and(
    eq(evaluations.checkpointId, checkpoints.id),
    eq(evaluations.suiteVersionId, model.suiteVersionId),
  );
  const [all] = await db.select({ n: count() }).from(checkpoints).where(stood);
  const [left] = await db
    .select({ n: count() })
    .from(checkpoints)
    .leftJoin(evaluations, ofVersion)
    .where(and(stood, or(isNull(evaluations.id), eq(evaluations.status, "queued"))));
  return { all: all?.n ?? 0, left: left?.n ?? 0 };
}
