import { and, eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { models, suites, suiteVersions } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { isId } from "../../ids.ts";

type ModelRow = typeof models.$inferSelect;

/** A model with the suite version it is pinned to. */
export interface PinnedModel extends ModelRow {
  suiteName: string;
  suiteVersion: typeof suiteVersions.$inferSelect;
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
  if (!row) throw missing(idOrName);
  return { ...row.model, suiteName: row.suiteName, suiteVersion: row.suiteVersion };
}

/**
 * Orders what changes a model's set of checkpoints: who adds one holds a share of its row, who takes some away holds
 * it alone. Neither stands in the way of rows that merely refer to the model.
 * @throws DomainError `model_not_found` where it was deleted meanwhile
 */
export async function lockModel(
  tx: Transaction,
  { teamId, id, name }: Pick<ModelRow, "teamId" | "id" | "name">,
  strength: "share" | "no key update" | "update",
): Promise<void> {
  const [row] = await tx
    .select({ id: models.id })
    .from(models)
    .where(and(eq(models.teamId, teamId), eq(models.id, id)))
    .for(strength);
  if (!row) throw missing(name);
}

function missing(idOrName: string): DomainError {
  return new DomainError("model_not_found", `There is no model "${idOrName}". POST /models makes one.`);
}
