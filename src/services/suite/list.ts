import { and, asc, desc, eq, gt, lt, or } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { suites, suiteVersions } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { isId } from "../../ids.ts";
import type { NamedSuiteVersion, SuiteVersionRow } from "./internal.ts";

/** A team's suites by name, each at its newest ready version. `after` is the last name of the page before. */
export async function listSuites(
  ctx: TeamContext,
  page: { limit: number; after: string | undefined },
): Promise<NamedSuiteVersion[]> {
  return await ctx.db
    .selectDistinctOn([suites.name], { name: suites.name, version: suiteVersions })
    .from(suites)
    .innerJoin(suiteVersions, and(eq(suiteVersions.suiteId, suites.id), eq(suiteVersions.status, "ready")))
    .where(and(eq(suites.teamId, ctx.actor.teamId), page.after ? gt(suites.name, page.after) : undefined))
    .orderBy(asc(suites.name), desc(suiteVersions.putAt), desc(suiteVersions.id))
    .limit(page.limit);
}

/**
 * A suite's versions, those put last first; also those that were refused. `cursor` is that of the last of the page before.
 * @throws DomainError `suite_not_found`, `invalid_request` for a cursor that is none
 */
export async function listVersions(
  ctx: TeamContext,
  name: string,
  { limit, cursor }: { limit: number; cursor: string | undefined },
): Promise<NamedSuiteVersion[]> {
  const suite = await findSuite(ctx, name);
  const before = cursor === undefined ? undefined : await readCursor(ctx, suite.id, cursor);
  const rows = await ctx.db
    .select()
    .from(suiteVersions)
    .where(
      and(
        eq(suiteVersions.suiteId, suite.id),
        before &&
          or(
            lt(suiteVersions.putAt, before.putAt),
            and(eq(suiteVersions.putAt, before.putAt), lt(suiteVersions.id, before.id)),
          ),
      ),
    )
    .orderBy(desc(suiteVersions.putAt), desc(suiteVersions.id))
    .limit(limit);
  return rows.map((version) => ({ name, version }));
}

/** One version, whatever its status. @throws DomainError `suite_not_found` */
export async function getVersion(ctx: TeamContext, name: string, version: string): Promise<NamedSuiteVersion> {
  const suite = await findSuite(ctx, name);
  const [row] = await ctx.db
    .select()
    .from(suiteVersions)
    .where(and(eq(suiteVersions.suiteId, suite.id), eq(suiteVersions.version, version)));
  if (!row) throw new DomainError("suite_not_found", `The suite "${name}" has no version ${version}.`);
  return { name, version: row };
}

async function findSuite({ db, actor }: TeamContext, name: string) {
  const [suite] = await db
    .select()
    .from(suites)
    .where(and(eq(suites.teamId, actor.teamId), eq(suites.name, name)));
  if (!suite) throw new DomainError("suite_not_found", `There is no suite "${name}". PUT /suites/${name} makes it.`);
  return suite;
}

async function readCursor({ db }: TeamContext, suiteId: string, cursor: string): Promise<SuiteVersionRow> {
  const [row] = isId("suiteVersion", cursor)
    ? await db
        .select()
        .from(suiteVersions)
        .where(and(eq(suiteVersions.suiteId, suiteId), eq(suiteVersions.id, cursor)))
    : [];
  if (!row) {
    throw new DomainError("invalid_request", "cursor is not the `next` of a page: leave it out to begin at the first.");
  }
  return row;
}
