import { and, eq, isNotNull, ne } from "drizzle-orm";
import type { Context } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { judgements } from "../../database/schema.ts";
import { lockModel, type PinnedModel } from "../model/internal.ts";
import { reviseJudgement } from "./advance.ts";

/**
 * Changes the past of a model, whose row it holds meanwhile, and folds again its trajectory on the suite version that it
 * is pinned to by then: it may have moved since the request read it. Trajectories that it has left follow, each in a
 * transaction of its own; where that fails, they are folded again when the model comes back to them.
 */
export async function reviseModel(
  ctx: Context,
  model: Pick<PinnedModel, "id" | "teamId" | "name" | "suiteVersionId">,
  change: (tx: Transaction) => Promise<void>,
): Promise<void> {
  const { id: modelId, teamId } = model;
  const pinned = await reviseOn(ctx, model, model.suiteVersionId, change);
  const left = await ctx.db
    .selectDistinct({ suiteVersionId: judgements.suiteVersionId })
    .from(judgements)
    .where(
      and(
        eq(judgements.modelId, modelId),
        ne(judgements.suiteVersionId, pinned),
        // Where nothing was folded yet, nothing is to be taken back.
        isNotNull(judgements.foldState),
      ),
    );
  for (const { suiteVersionId } of left) {
    await reviseJudgement(ctx, { teamId, modelId, suiteVersionId }, async () => {});
  }
}

/** Returns the version that it was done on. */
async function reviseOn(
  ctx: Context,
  model: Pick<PinnedModel, "id" | "teamId" | "name">,
  suiteVersionId: string,
  change: (tx: Transaction) => Promise<void>,
): Promise<string> {
  try {
    await reviseJudgement(ctx, { teamId: model.teamId, modelId: model.id, suiteVersionId }, async (tx) => {
      const pinned = await lockModel(tx, model, "no key update");
      if (pinned !== suiteVersionId) throw new Moved(pinned);
      await change(tx);
    });
    return suiteVersionId;
  } catch (error) {
    if (error instanceof Moved) return await reviseOn(ctx, model, error.to, change);
    throw error;
  }
}

/** Takes the transaction back: it holds the judgement of a version that the model has left. */
class Moved extends Error {
  readonly to: string;

  constructor(to: string) {
    super(`the model is pinned to ${to} by now`);
    this.to = to;
  }
}
