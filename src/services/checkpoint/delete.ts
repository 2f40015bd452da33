import { and, eq, gte, inArray, isNull } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { checkpoints, evaluations, uploads } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { reviseModel } from "../judgement/revise-model.ts";
import type { PinnedModel } from "../model/internal.ts";
import { OPEN, type Upload } from "../upload/internal.ts";
import { deleteReleased, releaseArtifacts } from "./release.ts";

/** One step, or all from one on. */
export type DeletedSteps = { step: number } | { from: number };

/**
 * Takes steps out of a model's history, as training does that goes back to an earlier checkpoint. The rows stay as
 * superseded revisions, the bytes go where nothing else uses them, and the verdict is that of what is left; what was
 * announced of it is revised or retracted by further lines of the ledger. Uploads under way to these steps are given up.
 * Returns how many checkpoints went.
 * @throws DomainError `checkpoint_not_found`, of a single step
 */
export async function deleteCheckpoints(ctx: TeamContext, model: PinnedModel, which: DeletedSteps): Promise<number> {
  let deleted = 0;
  let released: Upload[] = [];
  await reviseModel(ctx, model, async (tx) => {
    const rows = await supersede(tx, model, which, ctx.now());
    if (rows.length === 0 && "step" in which) {
      throw new DomainError("checkpoint_not_found", `"${model.name}" has no checkpoint at step ${which.step}.`);
    }
    deleted = rows.length;
    await giveUpUploads(tx, model, which);
    released = await releaseArtifacts(
      tx,
      model.teamId,
      rows.map(({ digest }) => digest),
    );
  });
  await deleteReleased(ctx, released);
  return deleted;
}

/** What was on its way to these steps is of the history that is taken out: it must not come after. */
async function giveUpUploads(tx: Transaction, model: PinnedModel, which: DeletedSteps): Promise<void> {
  await tx
    .update(uploads)
    .set({ status: "discarded" })
    .where(
      and(
        eq(uploads.modelId, model.id),
        inArray(uploads.status, OPEN),
        "step" in which ? eq(uploads.step, which.step) : gte(uploads.step, which.from),
      ),
    );
}

async function supersede(tx: Transaction, model: PinnedModel, which: DeletedSteps, now: Date) {
  const these = and(
    eq(checkpoints.teamId, model.teamId),
    eq(checkpoints.modelId, model.id),
    isNull(checkpoints.supersededAt),
    "step" in which ? eq(checkpoints.step, which.step) : gte(checkpoints.step, which.from),
  );
  const rows = await tx
    .update(checkpoints)
    .set({ supersededAt: now })
    .where(these)
    .returning({ id: checkpoints.id, digest: checkpoints.digest });
  // Nobody waits for their results any more.
  const { failureCode, failureMessage } = { failureCode: "superseded", failureMessage: "The step was deleted." };
  const gone = tx
    .select({ id: checkpoints.id })
    .from(checkpoints)
    .where(and(eq(checkpoints.modelId, model.id), eq(checkpoints.supersededAt, now)));
  await tx
    .update(evaluations)
    .set({ status: "failed", failureCode, failureMessage, finishedAt: now })
    .where(
      and(eq(evaluations.modelId, model.id), eq(evaluations.status, "queued"), inArray(evaluations.checkpointId, gone)),
    );
  return rows;
}
