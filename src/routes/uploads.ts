import { createRoute, z } from "@hono/zod-openapi";
import { ERROR_CODES } from "../errors.ts";
import { getModel } from "../services/model/internal.ts";
import { abandonUpload } from "../services/upload/abandon.ts";
import { completeUpload } from "../services/upload/complete.ts";
import { createUpload } from "../services/upload/create.ts";
import { getUpload, type UploadDetail } from "../services/upload/get.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { conflict, Digest, errorResponses, json, postErrors, Step, SuiteRef, storeErrors, Time } from "./schemas.ts";

const Part = z.object({
  number: z.number().int().openapi({ description: "From 1." }),
  offset: z.number().int().openapi({ description: "First byte of the file." }),
  bytes: z.number().int(),
  stored: z.boolean().openapi({ description: "Whether the store has it whole." }),
  url: z.string().nullable().openapi({
    description: "PUT exactly these bytes there, without a key, within six hours; null once the part is in.",
    example: "https://store.example.com/…&X-Amz-Signature=…",
  }),
});

export const Upload = z
  .object({
    id: z.string().openapi({ example: "upl_01kaqxw3t2e8y9v0c1m7d5r4bn" }),
    model: z.string().nullable(),
    step: z.number().int().nullable(),
    status: z.enum(["receiving", "verifying", "complete", "refused"]).openapi({
      description:
        "`receiving`: parts are awaited; `verifying`: the file is read back; `complete`: it is a checkpoint, or a version of its suite; `refused`: see `problem`.",
    }),
    bytes: z.number().int(),
    digest: z.string().nullable(),
    partBytes: z.number().int().openapi({ description: "Of each part but the last." }),
    verifiedBytes: z.number().int().openapi({ description: "How far the file was read back when last written down." }),
    parts: z.array(Part).openapi({ description: "In any order, at any number at once; empty once they are joined." }),
    checkpoint: z.object({ id: z.string(), digest: z.string() }).nullable(),
    suite: SuiteRef.extend({ status: z.enum(["validating", "ready", "refused"]) })
      .nullable()
      .openapi({ description: "Of a suite's upload, once its parts are joined." }),
    problem: z
      .object({ code: z.enum(ERROR_CODES as [string, ...string[]]), detail: z.string() })
      .nullable()
      .openapi({ description: "Why it was refused, and what to do." }),
    createdAt: Time,
    expiresAt: Time.nullable().openapi({ description: "Given up then; asking for the upload moves it." }),
  })
  .openapi("Upload");

export function toUpload({ upload, parts, checkpoint, suite }: UploadDetail): z.infer<typeof Upload> {
  const { id, modelId, step, status, bytes, claimedDigest, partBytes, verification, problem } = upload;
  return {
    id,
    model: modelId,
    step,
    // A row that is discarded is not found.
    status: status === "discarded" ? "refused" : status,
    bytes,
    digest: claimedDigest,
    partBytes,
    verifiedBytes: status === "complete" ? bytes : (verification?.offset ?? 0),
    parts,
    checkpoint,
    suite,
    problem,
    createdAt: upload.createdAt.toISOString(),
    expiresAt: status === "receiving" ? upload.expiresAt.toISOString() : null,
  };
}

export const NewUpload = z
  .strictObject({
    bytes: z.number().int().min(1).openapi({ description: "Size of the file.", example: 2_147_483_648 }),
    digest: Digest.openapi({ description: "SHA-256 of the file: checked when it is read back." }),
  })
  .openapi("NewUpload");

const create = createRoute({
  method: "post",
  path: "/models/{id}/checkpoints/{step}/uploads",
  operationId: "createUpload",
  summary: "Upload a large checkpoint in parts, straight to the store",
  description:
    "Answers with an address for each part: `curl -T part URL` is enough. Repeated with the same size and digest it answers 200 with the upload that is under way, and which parts are in.",
  middleware: [requireActor("push")] as const,
  request: {
    params: z.object({ id: z.string().openapi({ description: "Model id or name." }), step: Step }),
    body: { required: true, content: { "application/json": { schema: NewUpload } } },
  },
  responses: {
    200: json(Upload, "The same is under way"),
    201: json(Upload, "Begun"),
    ...errorResponses,
    ...postErrors,
    ...conflict,
    ...storeErrors,
  },
});

const params = z.object({ id: z.string().openapi({ description: "Upload id." }) });

const get = createRoute({
  method: "get",
  path: "/uploads/{id}",
  operationId: "getUpload",
  summary: "An upload: which parts are in, addresses for the others, what became of it",
  middleware: [requireActor("push")] as const,
  request: { params },
  responses: { 200: json(Upload, "The upload"), ...errorResponses, ...storeErrors },
});

const complete = createRoute({
  method: "post",
  path: "/uploads/{id}/complete",
  operationId: "completeUpload",
  summary: "Join the parts; the file is then read back before it is a checkpoint, or a version of its suite",
  description: "May be repeated. GET the upload until its status is `complete` or `refused`.",
  middleware: [requireActor("push")] as const,
  request: { params },
  responses: {
    200: json(Upload, "It has ended"),
    202: json(Upload, "It is being read back"),
    ...errorResponses,
    ...conflict,
    ...storeErrors,
  },
});

const remove = createRoute({
  method: "delete",
  path: "/uploads/{id}",
  operationId: "deleteUpload",
  summary: "Give an upload up, with its parts",
  middleware: [requireActor("push")] as const,
  request: { params },
  responses: { 204: { description: "Gone" }, ...errorResponses, ...conflict, ...storeErrors },
});

export function registerUploads(app: App): void {
  app.openapi(create, async (c) => {
    const { team, config } = c.var;
    const { id, step } = c.req.valid("param");
    const model = await getModel(team, id);
    const upload = await createUpload(team, { model, step, ...c.req.valid("json") }, config.maxUploadBytes);
    return upload.created ? c.json(toUpload(upload), 201) : c.json(toUpload(upload), 200);
  });
  app.openapi(get, async (c) => c.json(toUpload(await getUpload(c.var.team, c.req.valid("param").id)), 200));
  app.openapi(complete, async (c) => {
    const upload = await completeUpload(c.var.team, c.req.valid("param").id);
    return upload.upload.status === "verifying" ? c.json(toUpload(upload), 202) : c.json(toUpload(upload), 200);
  });
  app.openapi(remove, async (c) => {
    await abandonUpload(c.var.team, c.req.valid("param").id);
    return c.body(null, 204);
  });
}
