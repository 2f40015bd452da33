import { and, desc, eq, exists } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { evaluations, models, suites, suiteVersions } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { isId } from "../../ids.ts";

type ModelRow = typeof models.$inferSelect;

/** What of a model and its suite version a checkpoint is taken in by. */
export interface TargetModel extends Pick<ModelRow, "id" | "teamId" | "name" | "policy" | "suiteVersionId"> {
  suiteVersion: Pick<typeof suiteVersions.$inferSelect, "id" | "inputs" | "output" | "splits">;
}

/** A model with the suite version it is pinned to. */
export interface PinnedModel extends ModelRow {
  suiteName: string;
  suiteVersion: typeof suiteVersions.$inferSelect;
  /** False where it was asked for on a version that it has left. */
  current: boolean;
}

/**
 * A team's model by id or name.
 * @throws DomainError `model_not_found`: also for another team's model, whose existence is not ours to tell
 */
export async function getModel({ db, actor }: TeamContext, idOrName: string): Promise<PinnedModel> {
  const [row] = await db
    .select({ model: models, suiteName: suites.name, suiteVersion: suiteVersions })
    .from(models)
    .innerJoin(suiteVersions, eq(suiteVersions.id, models.suiteVersionId))
    .innerJoin(suites, eq(suites.id, suiteVersions.suiteId))
    .where(
      and(
        eq(models.teamId, actor.teamId),
        isId("model", idOrName) ? eq(models.id, idOrName) : eq(models.name, idOrName),
      ),
    );
  if (!row) throw modelMissing(idOrName);
  return { ...row.model, suiteName: row.suiteName, suiteVersion: row.suiteVersion, current: true };
}

/**
 * A team's model as it stands on one of the suite versions that it has been evaluated on; without a version, on the one
 * that it is pinned to.
 * @throws DomainError `model_not_found`, `suite_not_found`
 */
export async function getModelOn(
  ctx: TeamContext,
  idOrName: string,
  version: string | undefined,
): Promise<PinnedModel> {
  const model = await getModel(ctx, idOrName);
  if (version === undefined || version === model.suiteVersion.version) return model;
  const [earlier] = await ctx.db
    .select({ suiteName: suites.name, suiteVersion: suiteVersions })
    .from(suiteVersions)
    .innerJoin(suites, eq(suites.id, suiteVersions.suiteId))
    .where(
      and(
        eq(suiteVersions.teamId, ctx.actor.teamId),
        eq(suiteVersions.version, version),
        exists(
          ctx.db
            .select({ id: evaluations.id })
            .from(evaluations)
            .where(and(eq(evaluations.modelId, model.id), eq(evaluations.suiteVersionId, suiteVersions.id))),
        ),
      ),
    )
    .orderBy(desc(suiteVersions.putAt))
    .limit(1);
  if (!earlier) {
    throw new DomainError(
      "suite_not_found",
      `"${model.name}" has no trajectory on ${version}; it is pinned to ${model.suiteVersion.version} of "${model.suiteName}".`,
    );
  }
  return { ...model, ...earlier, suiteVersionId: earlier.suiteVersion.id, current: false };
}

/**
 * Orders what changes a model's set of checkpoints: who adds one holds a share of its row, who takes some away holds
 * it alone. Neither stands in the way of rows that merely refer to the model. Returns the id of the suite version that it
 * is pinned to by now.
 * @throws DomainError `model_not_found` where it was deleted meanwhile
 */
export async function lockModel(
  tx: Transaction,
  { teamId, id, name }: Pick<ModelRow, "teamId" | "id" | "name">,
  strength: "share" | "no key update" | "update",
): Promise<string> {
  const [row] = await tx
    .select({ suiteVersionId: models.suiteVersionId })
    .from(models)
    .where(and(eq(models.teamId, teamId), eq(models.id, id)))
    .for(strength);
  if (!row) throw modelMissing(name);
  return row.suiteVersionId;
}

export function modelMissing(idOrName: string): DomainError {
  return new DomainError("model_not_found", `There is no model "${idOrName}". POST /models makes one.`);
}

/** For results that are of the suite version that the model was pinned to when the request began. */
export function stillMoving({ name }: Pick<ModelRow, "name">): DomainError {
  return new DomainError(
    "model_moving",
    `"${name}" is moving to another suite version: send the results again in a moment, as they are on that version.`,
  );
}

/** @throws DomainError `invalid_request` for a split that a model's suite version does not have */
export function checkSplit({ suiteName, suiteVersion }: PinnedModel, split: string | undefined): void {
  const names = suiteVersion.splits.map(({ name }) => name);
  if (split === undefined || names.includes(split)) return;
  throw new DomainError("invalid_request", `${suiteName} has no split "${split}": it has ${names.join(", ")}.`);
}
