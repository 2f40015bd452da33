import { createRoute, z } from "@hono/zod-openapi";
import { DomainError } from "../errors.ts";
import { type CheckpointDetail, getCheckpoint } from "../services/checkpoint/get.ts";
import { MAX_BODY_BYTES, putCheckpoint } from "../services/checkpoint/put.ts";
import { readTrajectory } from "../services/checkpoint/trajectory.ts";
import { parseContentDigest } from "../services/digest.ts";
import { getModel } from "../services/model/internal.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { declaredLength } from "./body.ts";
import { bodyErrors, conflict, errorResponses, json, Step, SuiteRef, Time, unprocessable } from "./schemas.ts";

const SplitResult = z.object({
  correct: z.number().int(),
  total: z.number().int(),
  loss: z.number().nullable().openapi({ description: "Mean cross-entropy in nats; null where it is not finite." }),
});
const Splits = z.record(z.string(), SplitResult);
const Failure = z.object({ code: z.string(), message: z.string() });

const Stored = z
  .object({
    id: z.string(),
    step: z.number().int(),
    digest: z.string(),
    bytes: z.number().int(),
    weightNorm: z.number().openapi({ description: "L2 norm over all weights.", example: 53.4 }),
  })
  .openapi("StoredCheckpoint");

const Checkpoint = Stored.extend({
  format: z.enum(["onnx", "safetensors"]),
  parameters: z.number().int(),
  createdAt: Time,
  evaluation: z
    .object({
      id: z.string(),
      status: z.enum(["queued", "done", "failed"]),
      splits: Splits.optional(),
      failure: Failure.optional(),
    })
    .nullable(),
}).openapi("Checkpoint");

function toCheckpoint({ checkpoint, artifact, evaluation }: CheckpointDetail): z.infer<typeof Checkpoint> {
  return {
    id: checkpoint.id,
    step: checkpoint.step,
    digest: artifact.digest,
    bytes: artifact.bytes,
    weightNorm: artifact.weightNorm,
    format: artifact.format,
    parameters: artifact.parameters,
    createdAt: checkpoint.createdAt.toISOString(),
    evaluation: evaluation && {
      id: evaluation.id,
      status: evaluation.status,
      ...(evaluation.results ? { splits: evaluation.results } : {}),
      ...(evaluation.failureCode
        ? { failure: { code: evaluation.failureCode, message: evaluation.failureMessage ?? "" } }
        : {}),
    },
  };
}

const params = z.object({ id: z.string().openapi({ description: "Model id or name." }), step: Step });

const put = createRoute({
  method: "put",
  path: "/models/{id}/checkpoints/{step}",
  operationId: "putCheckpoint",
  summary: "Push a checkpoint",
  description:
    "Body: an ONNX file. Needs Content-Length; `Content-Digest: sha-256=:…:` (RFC 9530) is checked where given. A step is written once: the same bytes again answer 200, others 409 `step_taken`; with `If-None-Match: *` a step that is there answers 412.",
  middleware: [requireActor("push")] as const,
  request: { params, body: { content: { "application/octet-stream": { schema: z.any() } } } },
  responses: {
    200: json(Stored, "These bytes are at this step already"),
    202: json(Stored, "Stored; its evaluation is queued"),
    ...errorResponses,
    ...bodyErrors,
    ...conflict,
    ...unprocessable,
  },
});

const get = createRoute({
  method: "get",
  path: "/models/{id}/checkpoints/{step}",
  operationId: "getCheckpoint",
  summary: "A checkpoint with its measurements and evaluation",
  middleware: [requireActor("read")] as const,
  request: { params },
  responses: { 200: json(Checkpoint, "The checkpoint"), ...errorResponses },
});

const Trajectory = z
  .object({
    suite: SuiteRef,
    points: z.array(
      z.object({
        step: z.number().int(),
        weightNorm: z.number(),
        splits: Splits.optional().openapi({ description: "Absent until the checkpoint is evaluated." }),
        failure: Failure.optional().openapi({ description: "Why it could not be evaluated." }),
      }),
    ),
    next: z.string().nullable(),
  })
  .openapi("Trajectory");

/** A page of a trajectory is one read for all but the longest runs. */
const TRAJECTORY_PAGE = 10_000;

const trajectory = createRoute({
  method: "get",
  path: "/models/{id}/trajectory",
  operationId: "getTrajectory",
  summary: "Every checkpoint's results, by step",
  middleware: [requireActor("read")] as const,
  request: {
    params: params.pick({ id: true }),
    query: z.object({ cursor: Step.optional().openapi({ description: "`next` of the page before." }) }),
  },
  responses: { 200: json(Trajectory, "A page of up to 10,000 points"), ...errorResponses },
});

export function registerCheckpoints(app: App): void {
  app.openapi(put, async (c) => {
    const { id, step } = c.req.valid("param");
    const { team } = c.var;
    const length = declaredLength(c, MAX_BODY_BYTES);
    const model = await getModel(team, id);
    const body = c.req.raw.body;
    if (!body || length === 0) {
      throw new DomainError("invalid_checkpoint", "The body is empty: send the ONNX file.", { reason: "empty" });
    }
    const { created, ...stored } = await putCheckpoint(team, {
      model,
      step,
      body,
      length,
      claimedDigest: parseContentDigest(c.req.header("content-digest")),
      onlyNew: c.req.header("if-none-match")?.trim() === "*",
    });
    return created ? c.json(stored, 202) : c.json(stored, 200);
  });

  app.openapi(get, async (c) => {
    const { id, step } = c.req.valid("param");
    const { team } = c.var;
    const model = await getModel(team, id);
    return c.json(toCheckpoint(await getCheckpoint(team, model, { step })), 200);
  });

  app.openapi(trajectory, async (c) => {
    const { team } = c.var;
    const model = await getModel(team, c.req.valid("param").id);
    const after = c.req.valid("query").cursor;
    const points = await readTrajectory(team, model, { limit: TRAJECTORY_PAGE, after });
    return c.json(
      {
        suite: { name: model.suiteName, version: model.suiteVersion.version },
        points: points.map(({ splits, failure, ...point }) => ({
          ...point,
          ...(splits ? { splits } : {}),
          ...(failure ? { failure } : {}),
        })),
        next: points.length === TRAJECTORY_PAGE ? String(points.at(-1)?.step) : null,
      },
      200,
    );
  });
}
