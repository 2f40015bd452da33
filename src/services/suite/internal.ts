import { and, desc, eq } from "drizzle-orm";
import type { Queryable } from "../../database/client.ts";
import { suites, suiteVersions } from "../../database/schema.ts";

export type SuiteVersionRow = typeof suiteVersions.$inferSelect;
export interface NamedSuiteVersion {
  name: string;
  version: SuiteVersionRow;
}

/** The newest ready version of a team's suite, or null. */
export async function latestVersion(db: Queryable, teamId: string, name: string): Promise<NamedSuiteVersion | null> {
  const [row] = await db
    .select({ name: suites.name, version: suiteVersions })
    .from(suiteVersions)
    .innerJoin(suites, eq(suites.id, suiteVersions.suiteId))
    .where(and(eq(suites.teamId, teamId), eq(suites.name, name), eq(suiteVersions.status, "ready")))
    // Ids sort by creation.
    .orderBy(desc(suiteVersions.id))
    .limit(1);
  return row ?? null;
}

/** One version of a team's suite by its digest, or null. */
export async function findVersion(
  db: Queryable,
  teamId: string,
  name: string,
  version: string,
): Promise<NamedSuiteVersion | null> {
  const [row] = await db
    .select({ name: suites.name, version: suiteVersions })
    .from(suiteVersions)
    .innerJoin(suites, eq(suites.id, suiteVersions.suiteId))
    .where(and(eq(suites.teamId, teamId), eq(suites.name, name), eq(suiteVersions.version, version)));
  return row ?? null;
}
