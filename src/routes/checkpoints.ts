import { createRoute, z } from "@hono/zod-openapi";
import { DomainError } from "../errors.ts";
import { deleteCheckpoints } from "../services/checkpoint/delete.ts";
import { type CheckpointDetail, getCheckpoint } from "../services/checkpoint/get.ts";
import { cursorAfter, listCheckpoints } from "../services/checkpoint/list.ts";
import { MAX_BODY_BYTES, putCheckpoint } from "../services/checkpoint/put.ts";
import { parseContentDigest } from "../services/digest.ts";
import { getModel } from "../services/model/internal.ts";
import type { App } from "./app-type.ts";
import { requireActor, requireToken } from "./authenticate.ts";
import { declaredLength, readConditions } from "./body.ts";
import { Failure, Layers, OfCheckpoint, Splits, toLayers } from "./results.ts";
import { bodyErrors, conflict, errorResponses, json, PageQuery, Step, Time, unprocessable } from "./schemas.ts";

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
  digest: z.string().nullable().openapi({ description: "Null, as all of the file, of a step that was imported." }),
  bytes: z.number().int().nullable(),
  weightNorm: z.number().nullable(),
  format: z.enum(["onnx", "safetensors"]).nullable(),
  parameters: z.number().int().nullable(),
  layers: Layers.nullable().openapi({ description: "Null until it is evaluated." }),
  createdAt: Time,
  revision: z.number().int().openapi({ description: "The nth time that this step was pushed, from 1.", example: 1 }),
  supersededAt: Time.nullable().openapi({ description: "When the step was deleted; null while it counts." }),
  stored: z.boolean().openapi({ description: "Whether the bytes are still kept." }),
  evaluation: z
    .object({
      id: z.string(),
      status: z.enum(["queued", "done", "failed"]),
      provenance: z
        .enum(["measured", "reported"])
        .openapi({ description: "`reported`: the results are what somebody told the service." }),
      splits: Splits.optional(),
      failure: Failure.optional(),
    })
    .nullable(),
}).openapi("Checkpoint");

function toCheckpoint({ checkpoint, artifact, evaluation, revision }: CheckpointDetail): z.infer<typeof Checkpoint> {
  return {
    id: checkpoint.id,
    step: checkpoint.step,
    digest: artifact?.digest ?? null,
    bytes: artifact?.bytes ?? null,
    weightNorm: artifact?.weightNorm ?? evaluation?.weightNorm ?? null,
    format: artifact?.format ?? null,
    parameters: artifact?.parameters ?? null,
    layers: artifact?.layers ? toLayers(artifact.layers) : null,
    createdAt: checkpoint.createdAt.toISOString(),
    revision,
    supersededAt: checkpoint.supersededAt?.toISOString() ?? null,
    stored: !!artifact?.objectKey && checkpoint.supersededAt === null,
    evaluation: evaluation && {
      id: evaluation.id,
      status: evaluation.status,
      provenance: evaluation.provenance,
      ...(evaluation.results ? { splits: evaluation.results } : {}),
      ...(evaluation.failureCode
        ? { failure: { code: evaluation.failureCode, message: evaluation.failureMessage ?? "" } }
        : {}),
    },
  };
}

const put = createRoute({
  method: "put",
  path: "/models/{id}/checkpoints/{step}",
  operationId: "putCheckpoint",
  summary: "Push a checkpoint",
  description:
    "Body: an ONNX file, or safetensors, which is measured and not evaluated. Up to 100 MB; `POST …/uploads` takes larger ones. Needs Content-Length; `Content-Digest: sha-256=:…:` (RFC 9530) is checked where given. A step is written once: the same bytes again answer 200, others 409 `step_taken` (DELETE the step first); with `If-None-Match: *` a step that is there answers 412. Other conditions and Content-Range answer 400.",
  middleware: [requireToken] as const,
  request: { params: OfCheckpoint, body: { content: { "application/octet-stream": { schema: z.any() } } } },
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
  request: { params: OfCheckpoint },
  responses: { 200: json(Checkpoint, "The checkpoint"), ...errorResponses },
});

const list = createRoute({
  method: "get",
  path: "/models/{id}/checkpoints",
  operationId: "listCheckpoints",
  summary: "A model's checkpoints, by step",
  middleware: [requireActor("read")] as const,
  request: {
    params: OfCheckpoint.pick({ id: true }),
    query: PageQuery.extend({
      history: z
        .enum(["true", "false"])
        .default("false")
        .openapi({ description: "`true`: with the revisions of steps that were deleted.", example: "false" }),
    }),
  },
  responses: {
    200: json(z.object({ checkpoints: z.array(Checkpoint), next: z.string().nullable() }), "A page"),
    ...errorResponses,
  },
});

const remove = createRoute({
  method: "delete",
  path: "/models/{id}/checkpoints/{step}",
  operationId: "deleteCheckpoint",
  summary: "Take a step out of the history",
  description:
    "The step is free to be pushed again, as another revision. The verdict is that of what is left; what was announced of it is revised or retracted, and stays in the list of announcements.",
  middleware: [requireActor("push")] as const,
  request: { params: OfCheckpoint },
  responses: { 204: { description: "Gone" }, ...errorResponses },
});

const Deleted = z.object({ deleted: z.number().int().openapi({ description: "Checkpoints.", example: 12 }) });

const removeFrom = createRoute({
  method: "delete",
  path: "/models/{id}/checkpoints",
  operationId: "deleteCheckpoints",
  summary: "Go back: take every step from one on out of the history",
  description: "For training that resumes from an earlier checkpoint. Repeating it does no harm.",
  middleware: [requireActor("push")] as const,
  request: {
    params: OfCheckpoint.pick({ id: true }),
    query: z.object({ from: Step.openapi({ description: "The first step that goes." }) }),
  },
  responses: { 200: json(Deleted, "How many went"), ...errorResponses },
});

export function registerCheckpoints(app: App): void {
  app.openapi(put, async (c) => {
    const { id, step } = c.req.valid("param");
    const length = declaredLength(c, MAX_BODY_BYTES);
    const onlyNew = readConditions(c);
    const body = c.req.raw.body;
    if (!body || length === 0) {
      throw new DomainError("invalid_checkpoint", "The body is empty: send the file.", { reason: "empty" });
    }
    const { stored: taken, hinted } = await putCheckpoint(c.var.ctx, c.var.token, {
      idOrName: id,
      step,
      body,
      length,
      claimedDigest: parseContentDigest(c.req.header("content-digest")),
      onlyNew,
    });
    c.executionCtx.waitUntil(hinted);
    const { created, ...stored } = taken;
    return created ? c.json(stored, 202) : c.json(stored, 200);
  });

  app.openapi(get, async (c) => {
    const { id, step } = c.req.valid("param");
    const { team } = c.var;
    const model = await getModel(team, id);
    return c.json(toCheckpoint(await getCheckpoint(team, model, { step })), 200);
  });

  app.openapi(list, async (c) => {
    const { team } = c.var;
    const { limit, cursor, history } = c.req.valid("query");
    const model = await getModel(team, c.req.valid("param").id);
    const rows = await listCheckpoints(team, model, { limit, cursor, history: history === "true" });
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return c.json({ checkpoints: rows.map(toCheckpoint), next: last ? cursorAfter(last.checkpoint) : null }, 200);
  });

  app.openapi(remove, async (c) => {
    const { id, step } = c.req.valid("param");
    const { team } = c.var;
    await deleteCheckpoints(team, await getModel(team, id), { step });
    return c.body(null, 204);
  });

  app.openapi(removeFrom, async (c) => {
    const { team } = c.var;
    const model = await getModel(team, c.req.valid("param").id);
    return c.json({ deleted: await deleteCheckpoints(team, model, { from: c.req.valid("query").from }) }, 200);
  });
}
