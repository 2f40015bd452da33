import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { openContext } from "../context.ts";
import type { Config } from "../env.ts";
import { RequestCounter } from "../services/metrics/requests.ts";
import type { AppEnv } from "./app-type.ts";

const FLUSH_AFTER_MS = 5_000;
/** For so long the platform lets work go on after an answer. */
const LONGEST_FLUSH_MS = 30_000;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/**
 * Counts what this isolate answers, and how long that took. The first request after a flush stays behind its answer for
 * the next one, so that nobody's answer waits and however many requests come between are one statement. Without an
 * operator's token nobody could read the counts, and none are kept.
 */
export function countRequests(config: Config): MiddlewareHandler<AppEnv> {
  const counter = new RequestCounter();
  /** Until then a flush is on its way, if its isolate was let live. */
  let flushingUntil = 0;
  const flushLater = async (requestId: string) => {
    await new Promise((resolve) => setTimeout(resolve, FLUSH_AFTER_MS));
    flushingUntil = 0;
    const { ctx, close } = openContext(config, requestId);
    try {
      await counter.flush(ctx.db);
    } catch (error) {
      ctx.log("warn", "requests.uncounted", { cause: String(error) });
    } finally {
      await close();
    }
  };
  return async (c, next) => {
    const start = Date.now();
    await next();
    if (config.metricsToken === undefined) return;
    // What a request asks for is anything: by patterns alone there are not more series than routes.
    const route = matchedRoutes(c).findLast(({ path }) => !path.endsWith("*"))?.path ?? "unmatched";
    const method = METHODS.has(c.req.method) ? c.req.method : "other";
    counter.count({ method, route, status: c.res.status, seconds: (Date.now() - start) / 1000 });
    if (Date.now() < flushingUntil) return;
    flushingUntil = Date.now() + LONGEST_FLUSH_MS;
    c.executionCtx.waitUntil(flushLater(c.var.requestId));
  };
}
