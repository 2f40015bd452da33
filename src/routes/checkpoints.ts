import { createRoute, z } from "@hono/zod-openapi";
import { DomainError } from "../errors.ts";
import { deleteCheckpoints } from "../services/checkpoint/delete.ts";
import { type CheckpointDetail, getCheckpoint } from "../services/checkpoint/get.ts";
import { cursorAfter, listCheckpoints } from "../services/checkpoint/list.ts";
import { findArtifact, openArtifact, type WantedRange } from "../services/checkpoint/open-artifact.ts";
import { MAX_BODY_BYTES, putCheckpoint } from "../services/checkpoint/put.ts";
import { readTrajectory } from "../services/checkpoint/trajectory.ts";
import { formatContentDigest, parseContentDigest } from "../services/digest.ts";
import { getModel, getModelOn } from "../services/model/internal.ts";
import type { App } from "./app-type.ts";
import { requireActor, requireToken } from "./authenticate.ts";
import { declaredLength, readConditions } from "./body.ts";
import {
  bodyErrors,
  conflict,
  errorResponses,
  gone,
  json,
  OfVersion,
  PageQuery,
  Step,
  SuiteRef,
  storeErrors,
  Time,
  unprocessable,
} from "./schemas.ts";

const SplitResult = z.object({
  correct: z.number().int(),
  total: z.number().int(),
  loss: z.number().nullable().openapi({ description: "Mean cross-entropy in nats; null where it is not finite." }),
});
const Splits = z.record(z.string(), SplitResult);
const Failure = z.object({ code: z.string(), message: z.string() });
const Layers = z
  .record(
    z.string(),
    z.object({
      norm: z.number().nullable().openapi({ description: "Frobenius norm." }),
      effectiveRank: z.number().nullable().openapi({ description: "A number of directions (Roy and Vetterli 2007)." }),
      stableRank: z.number().nullable().openapi({ description: "Squared Frobenius norm over squared spectral norm." }),
      alpha: z.number().nullable().openapi({ description: "Exponent of the power law of the eigenvalues' tail." }),
    }),
  )
  .openapi({
    description:
      "The first 16 weight matrices of the file by name; `…/tensors` has all tensors. A rank or alpha is null of a matrix that is too large or not finite, or of too few eigenvalues.",
  });

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

const params = z.object({ id: z.string().openapi({ description: "Model id or name." }), step: Step });

const put = createRoute({
  method: "put",
  path: "/models/{id}/checkpoints/{step}",
  operationId: "putCheckpoint",
  summary: "Push a checkpoint",
  description:
    "Body: an ONNX file, or safetensors, which is measured and not evaluated. Up to 100 MB; `POST …/uploads` takes larger ones. Needs Content-Length; `Content-Digest: sha-256=:…:` (RFC 9530) is checked where given. A step is written once: the same bytes again answer 200, others 409 `step_taken` (DELETE the step first); with `If-None-Match: *` a step that is there answers 412. Other conditions and Content-Range answer 400.",
  middleware: [requireToken] as const,
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

const list = createRoute({
  method: "get",
  path: "/models/{id}/checkpoints",
  operationId: "listCheckpoints",
  summary: "A model's checkpoints, by step",
  middleware: [requireActor("read")] as const,
  request: {
    params: params.pick({ id: true }),
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

const artifact = createRoute({
  method: "get",
  path: "/models/{id}/checkpoints/{step}/artifact",
  operationId: "getArtifact",
  summary: "The bytes as they were pushed",
  description:
    "`Repr-Digest` (RFC 9530) is that of the whole file. `Range: bytes=first-last` is honoured, so that a download that broke off can go on.",
  middleware: [requireActor("read")] as const,
  request: { params },
  responses: {
    200: { description: "The file", content: { "application/octet-stream": { schema: z.any() } } },
    206: { description: "The range of it", content: { "application/octet-stream": { schema: z.any() } } },
    ...errorResponses,
    ...gone,
    ...storeErrors,
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
  request: { params },
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
    params: params.pick({ id: true }),
    query: z.object({ from: Step.openapi({ description: "The first step that goes." }) }),
  },
  responses: { 200: json(Deleted, "How many went"), ...errorResponses },
});

const Trajectory = z
  .object({
    suite: SuiteRef,
    points: z.array(
      z.object({
        step: z.number().int(),
        weightNorm: z.number().nullable().openapi({
          description: "Null of an imported step that came without, and where not all weights are numbers.",
        }),
        splits: Splits.optional().openapi({ description: "Absent until the checkpoint is evaluated." }),
        provenance: z
          .literal("reported")
          .optional()
          .openapi({ description: "There where the results were reported, and not measured here." }),
        failure: Failure.optional().openapi({ description: "Why it could not be evaluated." }),
        layers: Layers.optional(),
      }),
    ),
    next: z.string().nullable(),
  })
  .openapi("Trajectory");

/** A page of a trajectory is one read for all but the longest runs. */
const TRAJECTORY_PAGE = 10_000;
/** With its layers a point is kilobytes. */
const TRAJECTORY_PAGE_WITH_LAYERS = 1000;

const trajectory = createRoute({
  method: "get",
  path: "/models/{id}/trajectory",
  operationId: "getTrajectory",
  summary: "Every checkpoint's results, by step",
  middleware: [requireActor("read")] as const,
  request: {
    params: params.pick({ id: true }),
    query: OfVersion.extend({
      cursor: Step.optional().openapi({ description: "`next` of the page before." }),
      layers: z.enum(["true", "false"]).default("false").openapi({
        description: "`true`: with what the layers' spectra say, and up to 1,000 points a page.",
        example: "false",
      }),
    }),
  },
  responses: { 200: json(Trajectory, "A page of up to 10,000 points"), ...errorResponses },
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

  app.openapi(artifact, async (c) => {
    const { id, step } = c.req.valid("param");
    const { team } = c.var;
    const model = await getModel(team, id);
    const wanted = parseRange(c.req.header("range"));
    // HEAD asks for the headers alone: nothing is opened that nobody reads.
    const head = c.req.method === "HEAD";
    const found = head
      ? { ...(await findArtifact(team, model, step, wanted)), body: null }
      : await openArtifact(team, model, step, wanted);
    const { digest, bytes, range, body } = found;
    const length = range.to - range.from;
    // The length goes out with the headers, and a store that breaks off breaks the answer off too.
    return new Response(body?.pipeThrough(new FixedLengthStream(length)), {
      status: length < bytes ? 206 : 200,
      headers: {
        "content-type": "application/octet-stream",
        "accept-ranges": "bytes",
        "repr-digest": formatContentDigest(digest),
        etag: `"${digest}"`,
        ...(head ? { "content-length": `${length}` } : {}),
        ...(length < bytes ? { "content-range": `bytes ${range.from}-${range.to - 1}/${bytes}` } : {}),
      },
    });
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

  app.openapi(trajectory, async (c) => {
    const { team } = c.var;
    const { suite, cursor: after, layers: wanted } = c.req.valid("query");
    const model = await getModelOn(team, c.req.valid("param").id, suite);
    const limit = wanted === "true" ? TRAJECTORY_PAGE_WITH_LAYERS : TRAJECTORY_PAGE;
    const points = await readTrajectory(team, model, { limit, after, layers: wanted === "true" });
    return c.json(
      {
        suite: { name: model.suiteName, version: model.suiteVersion.version },
        points: points.map(({ splits, failure, reported, layers, ...point }) => ({
          ...point,
          ...(splits ? { splits } : {}),
          ...(reported ? { provenance: "reported" as const } : {}),
          ...(failure ? { failure } : {}),
          ...(layers ? { layers: toLayers(layers) } : {}),
        })),
        next: points.length === limit ? String(points.at(-1)?.step) : null,
      },
      200,
    );
  });
}

function toLayers(layers: NonNullable<CheckpointDetail["artifact"]>["layers"]): z.infer<typeof Layers> {
  return Object.fromEntries(
    Object.entries(layers ?? {}).map(
      ([name, { norm = null, effectiveRank = null, stableRank = null, alpha = null }]) => [
        name,
        { norm, effectiveRank, stableRank, alpha },
      ],
    ),
  );
}

/** One range from a byte on; of anything else the whole file is sent, as RFC 9110 allows. */
function parseRange(header: string | undefined): WantedRange | null {
  const [, first, last] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? [];
  return first === undefined ? null : { first: Number(first), last: last ? Number(last) : null };
}
