import { and, asc, eq, inArray, isNotNull, isNull, lt, or, sql } from "drizzle-orm";
import type { Context } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { announcements, checkpoints, evaluations, models, pins } from "../../database/schema.ts";
import { lockModel } from "../model/internal.ts";
import type { Upload } from "../upload/internal.ts";
import { type Crossing, chooseDropped } from "./choose-dropped.ts";
import { deleteReleased, releaseArtifacts } from "./release.ts";

/** A model is looked at again after this; a change of its `keepEvery` is due at once. */
const EVERY_MS = 10 * 60 * 1000;
/** Models of one sweep. */
const MODELS = 5;
/** Checkpoints of one statement: Postgres counts its parameters in 16 bits. */
const CHUNK = 5_000;

type ModelRow = typeof models.$inferSelect;

/** Lets the bytes go that models with `keepEvery` do not keep. Returns how many checkpoints lost theirs. */
export async function thinModels(ctx: Context): Promise<number> {
  const before = new Date(ctx.now().getTime() - EVERY_MS);
  const due = await ctx.db
    .select()
    .from(models)
    .where(and(isNotNull(models.keepEvery), or(isNull(models.thinnedAt), lt(models.thinnedAt, before))))
    .orderBy(sql`${models.thinnedAt} asc nulls first`)
    .limit(MODELS);
  let dropped = 0;
  for (const model of due) dropped += await thinModel(ctx, model);
  return dropped;
}

async function thinModel(ctx: Context, model: ModelRow): Promise<number> {
  let dropped = 0;
  let released: Upload[] = [];
  await ctx.db.transaction(async (tx) => {
    const suiteVersionId = await lockModel(tx, model, "no key update");
    const [current] = await tx
      .update(models)
      .set({ thinnedAt: ctx.now() })
      .where(eq(models.id, model.id))
      .returning({ keepEvery: models.keepEvery });
    if (!current?.keepEvery) return;
    const rows = chooseDropped(
      await readRows(tx, model, suiteVersionId),
      current.keepEvery,
      await readCrossings(tx, model),
    );
    for (let first = 0; first < rows.length; first += CHUNK) {
      const ids = rows.slice(first, first + CHUNK).map(({ id }) => id);
      await tx.update(checkpoints).set({ droppedAt: ctx.now() }).where(inArray(checkpoints.id, ids));
    }
    dropped = rows.length;
    released = await releaseArtifacts(
      tx,
      model.teamId,
      rows.map(({ digest }) => digest),
    );
  });
  await deleteReleased(ctx, released);
  return dropped;
}

async function readRows(tx: Transaction, model: ModelRow, suiteVersionId: string) {
  return await tx
    .select({
      id: checkpoints.id,
      step: checkpoints.step,
      digest: checkpoints.digest,
      dropped: sql<boolean>`${checkpoints.droppedAt} is not null`,
      // On whichever suite version; and while the model moves, what stood at the move may not be queued yet.
      pending: sql<boolean>`exists (
        select 1 from ${evaluations} where ${evaluations.checkpointId} = ${checkpoints.id} and ${evaluations.status} = 'queued'
      ) or exists (
        select 1 from ${pins} where ${pins.modelId} = ${checkpoints.modelId} and ${pins.suiteVersionId} = ${suiteVersionId}
          and ${pins.backfilledAt} is null and ${checkpoints.step} <= ${pins.throughStep}
      )`,
    })
    .from(checkpoints)
    .where(and(eq(checkpoints.modelId, model.id), isNull(checkpoints.supersededAt)))
    .orderBy(asc(checkpoints.step));
}

/** All that was ever announced, each as it was last told: also what was retracted may be looked into. */
async function readCrossings(tx: Transaction, model: ModelRow): Promise<Crossing[]> {
  const said = await tx
    .select({ id: announcements.transitionId, transition: announcements.transition })
    .from(announcements)
    .where(eq(announcements.modelId, model.id))
    .orderBy(asc(announcements.position));
  const last = new Map(said.map(({ id, transition }) => [id, transition]));
  return [...last.values()].map(({ onsetStep, settledStep }) => ({ from: onsetStep, to: settledStep }));
}
