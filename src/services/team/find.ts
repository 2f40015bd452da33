import { eq } from "drizzle-orm";
import type { Queryable } from "../../database/client.ts";
import { teams } from "../../database/schema.ts";

/** A team's id by its name, or null: for the operator of a deployment, who stands above teams. */
export async function findTeam(db: Queryable, name: string): Promise<string | null> {
  const [team] = await db.select({ id: teams.id }).from(teams).where(eq(teams.name, name));
  return team?.id ?? null;
}
