import { and, desc, eq, sql } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import type { Queryable } from "../../database/client.ts";
import { suites, suiteVersions } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import type { SuiteAudit } from "../../evaluation/audit-types.ts";
import { newId } from "../../ids.ts";

export type SuiteVersionRow = typeof suiteVersions.$inferSelect;
export interface NamedSuiteVersion {
  name: string;
  version: SuiteVersionRow;
}

/** The ready version put last of a team's suite, or null. */
export async function latestVersion(db: Queryable, teamId: string, name: string): Promise<NamedSuiteVersion | null> {
  const [row] = await db
    .select({ name: suites.name, version: suiteVersions })
    .from(suiteVersions)
    .innerJoin(suites, eq(suites.id, suiteVersions.suiteId))
    .where(and(eq(suites.teamId, teamId), eq(suites.name, name), eq(suiteVersions.status, "ready")))
    .orderBy(desc(suiteVersions.putAt), desc(suiteVersions.id))
    .limit(1);
  return row ?? null;
}

/** What to say where a suite has no ready version. */
export async function whyNoVersion({ db, actor }: TeamContext, name: string): Promise<string> {
  const [unready] = await db
    .select({ status: suiteVersions.status })
    .from(suiteVersions)
    .innerJoin(suites, eq(suites.id, suiteVersions.suiteId))
    .where(and(eq(suites.teamId, actor.teamId), eq(suites.name, name)))
    .orderBy(desc(suiteVersions.putAt), desc(suiteVersions.id))
    .limit(1);
  return unready
    ? `The suite "${name}" has no version that is ready; the newest is ${unready.status}: GET /suites/${name}/versions says more.`
    : `There is no suite "${name}". PUT /suites/${name} makes it.`;
}

/** A ready version of a team's suite, by its digest, or null. */
export async function readyVersion(
  db: Queryable,
  teamId: string,
  { name, version }: { name: string; version: string },
): Promise<NamedSuiteVersion | null> {
  const [row] = await db
    .select({ name: suites.name, version: suiteVersions })
    .from(suiteVersions)
    .innerJoin(suites, eq(suites.id, suiteVersions.suiteId))
    .where(
      and(
        eq(suites.teamId, teamId),
        eq(suites.name, name),
        eq(suiteVersions.version, version),
        eq(suiteVersions.status, "ready"),
      ),
    );
  return row ?? null;
}

/** A team's suite by name, made where it is not there. */
export async function ensureSuite(ctx: TeamContext, name: string): Promise<typeof suites.$inferSelect> {
  const { teamId } = ctx.actor;
  await ctx.db
    .insert(suites)
    .values({ id: newId("suite"), teamId, name })
    .onConflictDoNothing();
  const [suite] = await ctx.db
    .select()
    .from(suites)
    .where(and(eq(suites.teamId, teamId), eq(suites.name, name)));
  if (!suite) throw new DomainError("suite_not_found", `There is no suite "${name}".`);
  return suite;
}

/** Makes a version that is ready the newest, audited as of now, and answers with it; null where it is not there. */
export async function renewVersion(
  db: Queryable,
  suite: typeof suites.$inferSelect,
  version: string,
  audit: SuiteAudit,
): Promise<NamedSuiteVersion | null> {
  const [row] = await db
    .update(suiteVersions)
    // The database's clock, as at the insert: those of two isolates may differ.
    .set({ putAt: sql`now()`, audit })
    .where(
      and(eq(suiteVersions.suiteId, suite.id), eq(suiteVersions.version, version), eq(suiteVersions.status, "ready")),
    )
    .returning();
  return row ? { name: suite.name, version: row } : null;
}
