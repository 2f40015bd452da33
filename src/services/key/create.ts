import type { Queryable } from "../../database/client.ts";
import { keys, type Scope } from "../../database/schema.ts";
import { newId } from "../../ids.ts";
import { hashToken, newToken } from "./token.ts";

export interface NewKey {
  id: string;
  /** The bearer token. Shown once: only its hash is kept. */
  token: string;
  scopes: Scope[];
}

/** Makes a bearer key for a team. */
export async function createKey(
  db: Queryable,
  input: { teamId: string; name: string; scopes: Scope[] },
): Promise<NewKey> {
  const token = newToken("cp");
  const id = newId("key");
  await db.insert(keys).values({
    id,
    teamId: input.teamId,
    name: input.name,
    scopes: input.scopes,
    tokenHash: await hashToken(token),
    hint: token.slice(0, 7),
  });
  return { id, token, scopes: input.scopes };
}
