import { createRoute, z } from "@hono/zod-openapi";
import { DomainError } from "../errors.ts";
import { checkReadiness } from "../services/health/check.ts";
import type { App } from "./app-type.ts";
import { errorResponses, json, notReady } from "./schemas.ts";

const health = createRoute({
  method: "get",
  path: "/healthz",
  operationId: "healthz",
  summary: "Whether the API is alive; asks nothing of its dependencies",
  security: [],
  responses: { 200: json(z.object({ status: z.literal("ok") }), "Alive") },
});

const Dependency = z.object({ ok: z.boolean(), latencyMs: z.number().int() });
const ready = createRoute({
  method: "get",
  path: "/readyz",
  operationId: "readyz",
  summary: "Whether each dependency answers, and how fast",
  security: [],
  responses: {
    200: json(
      z.object({ status: z.literal("ready"), dependencies: z.object({ database: Dependency, store: Dependency }) }),
      "All of them answer",
    ),
    500: errorResponses[500],
    ...notReady,
  },
});

export function registerHealth(app: App): void {
  app.openapi(health, (c) => c.json({ status: "ok" as const }, 200));
  app.openapi(ready, async (c) => {
    const dependencies = await checkReadiness(c.var.ctx);
    const away = Object.entries(dependencies).filter(([, { ok }]) => !ok);
    if (away.length > 0) {
      const names = away.map(([name]) => name).join(" and ");
      throw new DomainError("not_ready", `There is no answer from the ${names}.`, { dependencies });
    }
    return c.json({ status: "ready" as const, dependencies }, 200);
  });
}
