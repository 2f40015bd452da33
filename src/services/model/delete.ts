import { and, asc, eq, ne } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { checkpoints, judgements, models, uploads } from "../../database/schema.ts";
import { deleteReleased, releaseArtifacts } from "../checkpoint/release.ts";
import { lockModel, type PinnedModel } from "./internal.ts";

/** Deletes a model with all that was ever known of it; its bytes go where no other model of the team uses them. */
export async function deleteModel(ctx: TeamContext, model: PinnedModel): Promise<void> {
  const released = await ctx.db.transaction(async (tx) => {
    // First, as whoever closes an evaluation holds the judgement and then refers to the model.
    await tx
      .select({ modelId: judgements.modelId })
      .from(judgements)
      .where(eq(judgements.modelId, model.id))
      .orderBy(asc(judgements.suiteVersionId), asc(judgements.detectorVersion))
      .for("update");
    await lockModel(tx, model, "update");
    // Uploads under way lose their model and not their rows, which alone know the keys of their objects.
    await tx
      .update(uploads)
      .set({ modelId: null, status: "discarded" })
      .where(and(eq(uploads.modelId, model.id), ne(uploads.status, "complete")));
    const named = await tx
      .selectDistinct({ digest: checkpoints.digest })
      .from(checkpoints)
      .where(eq(checkpoints.modelId, model.id));
    await tx.delete(models).where(eq(models.id, model.id));
    return await releaseArtifacts(
      tx,
      model.teamId,
      named.map(({ digest }) => digest),
    );
  });
  await deleteReleased(ctx, released);
}
