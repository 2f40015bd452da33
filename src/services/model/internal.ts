import { and, eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
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
  if (!row) throw new DomainError("model_not_found", `There is no model "${idOrName}". POST /models makes one.`);
  return { ...row.model, suiteName: row.suiteName, suiteVersion: row.suiteVersion };
}
