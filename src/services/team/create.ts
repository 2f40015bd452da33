import type { Database } from "../../database/client.ts";
import { teams } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { newId } from "../../ids.ts";
import { createKey } from "../key/create.ts";

/** Makes a team and its first key, which has every scope. The key is shown once. */
export async function createTeam(db: Database, input: { name: string }): Promise<{ teamId: string; key: string }> {
  return await db.transaction(async (tx) => {
    const [team] = await tx
      .insert(teams)
      .values({ id: newId("team"), name: input.name })
      .onConflictDoNothing()
      .returning();
    if (!team) throw new DomainError("name_taken", `There is a team named "${input.name}" already.`);
    const teamId = team.id;
    const key = await createKey(tx, { teamId, name: "first key", scopes: ["read", "push", "admin"] });
    return { teamId, key: key.token };
  });
}
