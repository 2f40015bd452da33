import { and, asc, eq, isNull, lte } from "drizzle-orm";
import type { Context } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { artifacts, checkpoints, evaluations, models, pins, suiteVersions } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { checkInputs } from "../checkpoint/check-inputs.ts";
import { artifactOfCheckpoint, evaluationOn } from "../checkpoint/joined.ts";
import { NO_GRAPH } from "../checkpoint/register.ts";
import { hintEvaluation, queueEvaluation, refuseEvaluation } from "../evaluation/queue.ts";
import { advanceJudgement } from "../judgement/advance.ts";
import { lockModel } from "./internal.ts";
import { hintMove } from "./move.ts";

/** Checkpoints of one transaction: it holds no more of the model than a push does, and must not last. */
const CHUNK = 50;

export type BackfillOutcome = "more" | "done" | "nothing_to_do";

/**
 * Queues some of the evaluations that a model's move asks for, in step order, and calls itself by a message for the
 * next; after the last it lets the trajectory be judged. Any number may run, at any time: the rows decide.
 */
export async function backfillModel(ctx: Context, modelId: string): Promise<BackfillOutcome> {
  const move = await findMove(ctx, modelId);
  if (!move) return "nothing_to_do";
  const queued = await ctx.db.transaction((tx) => queueSome(ctx, tx, move));
  if (queued === null) return "nothing_to_do";
  await Promise.all(queued.evaluations.map((evaluation) => hintEvaluation(ctx.queues, evaluation))).catch((error) => {
    ctx.log("warn", "hint.lost", { cause: String(error) });
  });
  if (queued.more) {
    await hintMove(ctx, modelId);
    return "more";
  }
  const { pin } = move;
  await advanceJudgement(ctx, pin, async (tx) => {
    await tx
      .update(pins)
      .set({ backfilledAt: ctx.now() })
      // Of this move, and not of a later one to the same version.
      .where(and(ofPin(pin), eq(pins.pinnedAt, pin.pinnedAt)));
    return { told: [], from: null };
  });
  return "done";
}

type Move = NonNullable<Awaited<ReturnType<typeof findMove>>>;

/** The move that the model is in the middle of. */
async function findMove({ db }: Context, modelId: string) {
  const [row] = await db
    .select({ pin: pins, model: models, suiteVersion: suiteVersions })
    .from(models)
    .innerJoin(pins, and(eq(pins.modelId, models.id), eq(pins.suiteVersionId, models.suiteVersionId)))
    .innerJoin(suiteVersions, eq(suiteVersions.id, models.suiteVersionId))
    .where(and(eq(models.id, modelId), isNull(pins.backfilledAt)));
  return row ?? null;
}

const ofPin = ({ modelId, suiteVersionId }: Move["pin"]) =>
  and(eq(pins.modelId, modelId), eq(pins.suiteVersionId, suiteVersionId));

/** Null where the model has moved on. */
async function queueSome(ctx: Context, tx: Transaction, { pin, model, suiteVersion }: Move) {
  // As a push does, so that none waits.
  if ((await lockModel(tx, model, "share")) !== suiteVersion.id) return null;
  // One at a time, so that two messages do not queue the same checkpoints.
  await tx.select({ modelId: pins.modelId }).from(pins).where(ofPin(pin)).for("update");
  const missing = await readMissing(tx, pin);
  const queued: { evaluationId: string; units: number }[] = [];
  for (const { checkpoint, artifact } of missing) {
    const subject = { ...checkpoint, parameters: artifact?.parameters ?? 0 };
    const failure = whyNot(artifact, suiteVersion);
    if (failure) await refuseEvaluation(tx, subject, suiteVersion, failure);
    else queued.push(await queueEvaluation(tx, subject, suiteVersion));
  }
  await tx.update(pins).set({ hintedAt: ctx.now() }).where(ofPin(pin));
  return { evaluations: queued, more: missing.length === CHUNK };
}

/** The first checkpoints that have no evaluation on the version. */
async function readMissing(tx: Transaction, { modelId, suiteVersionId, throughStep }: Move["pin"]) {
  return await tx
    .select({ checkpoint: checkpoints, artifact: artifacts })
    .from(checkpoints)
    .leftJoin(artifacts, artifactOfCheckpoint)
    .leftJoin(evaluations, evaluationOn(suiteVersionId))
    .where(
      and(
        eq(checkpoints.modelId, modelId),
        isNull(checkpoints.supersededAt),
        lte(checkpoints.step, throughStep ?? -1),
        isNull(evaluations.id),
      ),
    )
    .orderBy(asc(checkpoints.step))
    .limit(CHUNK);
}

/** Why a checkpoint cannot be evaluated on the version; null where it can. What was reported was of other examples. */
function whyNot(artifact: typeof artifacts.$inferSelect | null, suiteVersion: typeof suiteVersions.$inferSelect) {
  if (artifact === null) {
    const message =
      "The step was imported without bytes, with results on another version of the suite: import results on this one.";
    return { code: "no_bytes", message };
  }
  const { graph } = artifact.measurement;
  if (!graph) return NO_GRAPH;
  if (artifact.objectKey === null) {
    const message =
      "The bytes were let go before the model moved to this version of the suite: report results with PUT /models/:id/checkpoints/:step/evaluation.";
    return { code: "bytes_gone", message };
  }
  try {
    checkInputs(graph, suiteVersion);
    return null;
  } catch (error) {
    if (error instanceof DomainError) return { code: error.code, message: error.message };
    throw error;
  }
}
