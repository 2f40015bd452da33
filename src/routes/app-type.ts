import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context as HonoContext } from "hono";
import type { Context, TeamContext } from "../context.ts";
import type { Config } from "../env.ts";
import { DomainError } from "../errors.ts";

// The library says "expected string, received undefined", to people who have left something out.
z.config({ customError: ({ code, input }) => (code === "invalid_type" && input === undefined ? "is missing" : null) });

export interface AppEnv {
  Variables: {
    config: Config;
    requestId: string;
    ctx: Context;
    /** Set by the middleware that authenticates: reading it elsewhere is a mistake of ours. */
    team: TeamContext;
    /** Set by the middleware that asks for a key and leaves it to the verb. */
    token: string;
    /** Set by the secure-headers middleware on pages. */
    secureHeadersNonce?: string;
  };
}

export type App = OpenAPIHono<AppEnv>;
export type RouteContext = HonoContext<AppEnv>;

/** A router whose schemas refuse bad input with a problem document that says which field, and why. */
export function createRouter(): App {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      const issues = result.error.issues.map(({ path, message }) => ({ field: path.join("."), message }));
      const said = issues.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join("; ");
      throw new DomainError("invalid_request", `${said}.`, { issues });
    },
  });
}
