import { createRoute, z } from "@hono/zod-openapi";
import type { App } from "./app-type.ts";
import { json } from "./schemas.ts";

const health = createRoute({
  method: "get",
  path: "/healthz",
  operationId: "healthz",
  summary: "Whether the API is alive; asks nothing of its dependencies",
  security: [],
  responses: { 200: json(z.object({ status: z.literal("ok") }), "Alive") },
});

export function registerHealth(app: App): void {
  app.openapi(health, (c) => c.json({ status: "ok" as const }, 200));
}
