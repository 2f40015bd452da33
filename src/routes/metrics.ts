import { createRoute, z } from "@hono/zod-openapi";
import { createMiddleware } from "hono/factory";
import { hashToken } from "../services/key/token.ts";
import { collectMetrics } from "../services/metrics/collect.ts";
import { renderMetrics } from "../services/metrics/render.ts";
import type { App, AppEnv } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { errorResponses } from "./schemas.ts";

/** The operator's token shows the whole deployment; any team's key shows that team. */
const requireReader = createMiddleware<AppEnv>(async (c, next) => {
  if (await isOperator(c.req.header("authorization"), c.var.config.metricsToken)) return await next();
  return await requireActor("read")(c, next);
});

/** Hashes are compared, so that the time tells nothing of the token. */
async function isOperator(header: string | undefined, token: string | undefined): Promise<boolean> {
  if (!token || !header) return false;
  return (await hashToken(header)) === (await hashToken(`Bearer ${token}`));
}

const metrics = createRoute({
  method: "get",
  path: "/metrics",
  operationId: "getMetrics",
  summary: "What waits and for how long, and what the last hour brought, in the text format of Prometheus",
  description: "Of the key's team. With the deployment's METRICS_TOKEN as the bearer token: of all teams.",
  middleware: [requireReader] as const,
  responses: {
    200: { description: "Gauges", content: { "text/plain": { schema: z.string() } } },
    ...errorResponses,
  },
});

export function registerMetrics(app: App): void {
  app.openapi(metrics, async (c) => {
    const operator = await isOperator(c.req.header("authorization"), c.var.config.metricsToken);
    const families = await collectMetrics(c.var.ctx, operator ? null : c.var.team.actor.teamId);
    return c.text(renderMetrics(families), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  });
}
