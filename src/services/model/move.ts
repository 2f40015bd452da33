import { and, desc, eq, isNotNull, isNull, max, sql } from "drizzle-orm";
import type { Context, TeamContext } from "../../context.ts";
import { artifacts, checkpoints, models, pins } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { checkInputs } from "../checkpoint/check-inputs.ts";
import { latestVersion, type NamedSuiteVersion, readyVersion, whyNoVersion } from "../suite/internal.ts";
import { lockModel, type PinnedModel } from "./internal.ts";

/** A suite by name, and one of its versions; null: the newest. */
export interface WantedSuite {
  name: string;
  version: string | null;
}

/**
 * The version that a model is to move to. Its newest checkpoint must fit: a suite that cannot be asked of it is a
 * mistake, and would leave a trajectory of failures.
 * @throws DomainError `suite_unknown`, `input_mismatch`
 */
export async function findTarget(
  ctx: TeamContext,
  model: PinnedModel,
  { name, version }: WantedSuite,
): Promise<NamedSuiteVersion> {
  const { teamId } = ctx.actor;
  const target =
    version === null
      ? await latestVersion(ctx.db, teamId, name)
      : await readyVersion(ctx.db, teamId, { name, version });
  if (!target) {
    throw new DomainError(
      "suite_unknown",
      version === null
        ? await whyNoVersion(ctx, name)
        : `The suite "${name}" has no ready version ${version}. GET /suites/${name}/versions lists them.`,
    );
  }
  const [newest] = await ctx.db
    .select({ measurement: artifacts.measurement })
    .from(checkpoints)
    .innerJoin(artifacts, and(eq(artifacts.teamId, checkpoints.teamId), eq(artifacts.digest, checkpoints.digest)))
    .where(
      and(
        eq(checkpoints.modelId, model.id),
        isNull(checkpoints.supersededAt),
        isNotNull(artifacts.objectKey),
        sql`jsonb_typeof(${artifacts.measurement}->'graph') = 'object'`,
      ),
    )
    .orderBy(desc(checkpoints.step))
    .limit(1);
  if (newest?.measurement.graph) checkInputs(newest.measurement.graph, target.version);
  return target;
}

/**
 * Pins a model to another suite version, which begins another trajectory; the one before stays. What is pushed from here
 * on is evaluated on the new version alone, and what stands already is queued in the background. To where it is pinned
 * already, nothing moves.
 */
export async function moveModel(ctx: Context, model: PinnedModel, target: NamedSuiteVersion): Promise<void> {
  const { id: suiteVersionId } = target.version;
  const moved = await ctx.db.transaction(async (tx) => {
    // Alone: a push either stands by now, and is queued anew, or finds the model moved.
    const fromVersionId = await lockModel(tx, model, "no key update");
    if (fromVersionId === suiteVersionId) return false;
    const [last] = await tx
      .select({ step: max(checkpoints.step) })
      .from(checkpoints)
      .where(and(eq(checkpoints.modelId, model.id), isNull(checkpoints.supersededAt)));
    await tx.update(models).set({ suiteVersionId }).where(eq(models.id, model.id));
    // A move that is left in the middle stays as it was left: no sweep need look at it.
    await tx
      .update(pins)
      .set({ hintedAt: null })
      .where(and(eq(pins.modelId, model.id), eq(pins.suiteVersionId, fromVersionId), isNull(pins.backfilledAt)));
    const now = ctx.now();
    const move = { fromVersionId, throughStep: last?.step ?? null, pinnedAt: now, hintedAt: now };
    await tx
      .insert(pins)
      .values({ ...move, modelId: model.id, suiteVersionId, teamId: model.teamId })
      // Back to where it was before: what came in between is to be evaluated.
      .onConflictDoUpdate({
        target: [pins.modelId, pins.suiteVersionId],
        set: { ...move, backfilledAt: null, judgedAt: null },
      });
    return true;
  });
  if (moved) await hintMove(ctx, model.id);
}

/** Wakes an evaluator to go on with a move. A lost message is found by the sweep. */
export async function hintMove(ctx: Context, movedModelId: string): Promise<void> {
  await ctx.queues.evaluations.send({ movedModelId }).catch((error) => {
    ctx.log("warn", "hint.lost", { cause: String(error) });
  });
}
