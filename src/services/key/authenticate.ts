import { and, eq, gt, isNull, type Placeholder } from "drizzle-orm";
import type { Actor, Context } from "../../context.ts";
import { keys, type Scope, sessions } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { newId } from "../../ids.ts";
import { hashToken, newToken } from "./token.ts";

const SESSION_MS = 12 * 60 * 60 * 1000;

/** Who a bearer token belongs to. @throws DomainError `unauthorized` */
export async function authenticateKey(ctx: Context, token: string): Promise<Actor> {
  const [row] = await ctx.db
    .select()
    .from(keys)
    .where(isKey(await hashToken(token)));
  if (!row) throw keyUnknown();
  return { teamId: row.teamId, keyId: row.id, scopes: row.scopes };
}

/** The key of a token that has this hash. */
export function isKey(tokenHash: string | Placeholder) {
  return and(eq(keys.tokenHash, tokenHash), isNull(keys.revokedAt));
}

export function keyUnknown(): DomainError {
  return new DomainError("unauthorized", "The key is not known, or was revoked.");
}

/** Exchanges a key for a browser session: the cookie's token is random, lives 12 hours, and dies with the key. */
export async function openSession(ctx: Context, key: string): Promise<{ token: string; expiresAt: Date }> {
  const actor = await authenticateKey(ctx, key);
  const token = newToken("cps");
  const expiresAt = new Date(ctx.now().getTime() + SESSION_MS);
  await ctx.db.insert(sessions).values({
    id: newId("session"),
    teamId: actor.teamId,
    keyId: actor.keyId,
    tokenHash: await hashToken(token),
    expiresAt,
  });
  return { token, expiresAt };
}

/** Who a session belongs to, with the rights to read alone: pages change nothing. */
export async function authenticateSession(ctx: Context, token: string): Promise<Actor> {
  const [row] = await ctx.db
    .select({ teamId: sessions.teamId, keyId: sessions.keyId })
    .from(sessions)
    .innerJoin(keys, eq(keys.id, sessions.keyId))
    .where(
      and(eq(sessions.tokenHash, await hashToken(token)), gt(sessions.expiresAt, ctx.now()), isNull(keys.revokedAt)),
    );
  if (!row) throw new DomainError("unauthorized", "The session has ended: sign in again.");
  return { ...row, scopes: ["read"] };
}

/** Ends a session: its token opens nothing any more. */
export async function closeSession(ctx: Context, token: string): Promise<void> {
  await ctx.db.delete(sessions).where(eq(sessions.tokenHash, await hashToken(token)));
}

/** Those of which a key needs one, to do what asks for this scope. */
export function scopesFor(scope: Scope): Scope[] {
  return [scope, "admin"];
}

/** @throws DomainError `forbidden` */
export function requireScope(actor: Actor, scope: Scope): void {
  if (!scopesFor(scope).some((enough) => actor.scopes.includes(enough))) {
    throw new DomainError(
      "forbidden",
      `This needs a key with the scope ${scope}; yours has ${actor.scopes.join(", ")}.`,
    );
  }
}
