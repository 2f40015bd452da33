import { HTTPException } from "hono/http-exception";
import { openContext } from "./context.ts";
import type { Config } from "./env.ts";
import { DomainError, describeFailure, toProblem } from "./errors.ts";
import { newId } from "./ids.ts";
import { registerPages } from "./pages/register.tsx";
import { type App, createRouter, type RouteContext } from "./routes/app-type.ts";
import { registerArtifact } from "./routes/artifact.ts";
import { limitBody } from "./routes/body.ts";
import { registerCheckpoints } from "./routes/checkpoints.ts";
import { registerCompare } from "./routes/compare.ts";
import { countRequests } from "./routes/count-requests.ts";
import { registerDeadLetters } from "./routes/dead-letters.ts";
import { registerDeliveries } from "./routes/deliveries.ts";
import { registerEnsembles } from "./routes/ensembles.ts";
import { registerEvaluations } from "./routes/evaluations.ts";
import { registerHealth } from "./routes/health.ts";
import { registerImport } from "./routes/import.ts";
import { registerMetrics } from "./routes/metrics.ts";
import { registerModels } from "./routes/models.ts";
import { registerSuites } from "./routes/suites.ts";
import { registerTensors } from "./routes/tensors.ts";
import { registerTrajectory } from "./routes/trajectory.ts";
import { registerUploads } from "./routes/uploads.ts";
import { registerVerdict } from "./routes/verdict.ts";
import { registerWebhooks } from "./routes/webhooks.ts";

/** JSON and forms: no document that a route takes comes near it. */
const MAX_DOCUMENT_BYTES = 64 * 1024;

/** The HTTP surface: context, errors, pages, routes and the document that describes them. */
export function createApp(config: Config): App {
  const app = createRouter();

  app.use(countRequests(config));
  app.use(async (c, next) => {
    const requestId = newId("request");
    const { ctx, close } = openContext(config, requestId);
    c.set("config", config);
    c.set("requestId", requestId);
    c.set("ctx", ctx);
    c.header("x-request-id", requestId);
    try {
      // Postgres keeps no NUL in text, so none is part of a name, an id or a cursor.
      if (c.req.url.includes("%00")) throw new DomainError("invalid_request", "The address holds a NUL character.");
      await next();
    } finally {
      // After the answer: closing is a round trip that nobody needs to wait for.
      c.executionCtx.waitUntil(close());
    }
  });
  // Files are PUT, and histories imported, under limits of their own; all else is weighed here, ahead of the keys.
  const limit = limitBody(MAX_DOCUMENT_BYTES);
  const isFile = (c: RouteContext) => c.req.method === "PUT" || /^\/models\/[^/]+\/import$/.test(c.req.path);
  app.use(async (c, next) => (isFile(c) ? await next() : await limit(c, next)));
  app.onError(answerProblem);
  app.notFound((c) => answerProblem(new DomainError("not_found", `There is no ${c.req.method} ${c.req.path}.`), c));

  // Pages first: they take the requests of browsers and leave the others to the routes of the same paths.
  registerPages(app);
  registerHealth(app);
  registerSuites(app);
  registerModels(app);
  registerCheckpoints(app);
  registerArtifact(app);
  registerTrajectory(app);
  registerTensors(app);
  registerEvaluations(app);
  registerCompare(app);
  registerEnsembles(app);
  registerImport(app);
  registerUploads(app);
  registerVerdict(app);
  registerWebhooks(app);
  registerDeliveries(app);
  registerDeadLetters(app);
  registerMetrics(app);

  app.openAPIRegistry.registerComponent("securitySchemes", "key", { type: "http", scheme: "bearer" });
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "Curie Point",
      version: "1",
      description: "Tells whether a model in training is a memorizer or a generalizer, and when it crossed.",
    },
    security: [{ key: [] }],
  });
  return app;
}

function answerProblem(error: unknown, c: RouteContext): Response {
  const known = asDomainError(error);
  const problem = toProblem(known, c.var.requestId);
  if (problem.status >= 500) {
    c.var.ctx.log("error", "request.failed", {
      method: c.req.method,
      path: c.req.path,
      code: problem.code,
      ...describeFailure(error),
    });
  }
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      "content-type": "application/problem+json",
      "x-request-id": problem.requestId,
      ...(problem.status === 401 ? { "www-authenticate": "Bearer" } : {}),
      ...(problem.status === 503 ? { "retry-after": "5" } : {}),
    },
  });
}

/** The framework's own refusals, such as JSON that does not parse, are the caller's mistakes too. */
function asDomainError(error: unknown): unknown {
  if (error instanceof HTTPException && error.status < 500) {
    const type = 'The body is of another type: send JSON with "Content-Type: application/json".';
    return new DomainError("invalid_request", error.status === 415 ? type : `${error.message}.`);
  }
  return error;
}
