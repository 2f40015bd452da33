import { getCookie } from "hono/cookie";
import { createMiddleware } from "hono/factory";
import type { Scope } from "../context.ts";
import { DomainError } from "../errors.ts";
import { authenticateKey, authenticateSession, requireScope } from "../services/key/authenticate.ts";
import type { AppEnv, RouteContext } from "./app-type.ts";

export const SESSION_COOKIE = "curie_point_session";

/** Admits a bearer key, or a browser's session for reading, and puts the team's context on the request. */
export function requireActor(scope: Scope) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const ctx = c.var.ctx;
    const token = bearerToken(c);
    const session = getCookie(c, SESSION_COOKIE);
    if (!token && !session) throw noKey();
    const actor = token ? await authenticateKey(ctx, token) : await authenticateSession(ctx, session ?? "");
    requireScope(actor, scope);
    c.set("team", { ...ctx, actor });
    await next();
  });
}

/** Asks for a bearer key, and leaves it to the route's verb to find whose it is together with what else it reads. */
export const requireToken = createMiddleware<AppEnv>(async (c, next) => {
  const token = bearerToken(c);
  if (!token) throw noKey();
  c.set("token", token);
  await next();
});

function bearerToken(c: RouteContext): string | undefined {
  return /^Bearer\s+(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
}

function noKey(): DomainError {
  return new DomainError("unauthorized", 'Send a key: "Authorization: Bearer cp_…".');
}
