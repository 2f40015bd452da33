import { createRoute, z } from "@hono/zod-openapi";
import { DomainError } from "../errors.ts";
import { parseContentDigest } from "../services/digest.ts";
import type { NamedSuiteVersion } from "../services/suite/internal.ts";
import { getVersion, listSuites, listVersions } from "../services/suite/list.ts";
import { getSuite, MAX_SUITE_BYTES, putSuite } from "../services/suite/put.ts";
import { createSuiteUpload } from "../services/upload/create.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { declaredLength, readConditions } from "./body.ts";
import {
  bodyErrors,
  Digest,
  errorResponses,
  json,
  Name,
  PageQuery,
  postErrors,
  SuiteRef,
  storeErrors,
  Time,
  unprocessable,
} from "./schemas.ts";
import { NewUpload, toUpload, Upload } from "./uploads.ts";

const count = z.number().int();
export const SuiteAudit = z
  .object({
    splits: z.array(
      z.object({
        split: z.string().openapi({ example: "ood:corner" }),
        classes: count.nullable().openapi({ description: "Distinct classes asked; null of a regression." }),
        majority: z
          .object({ class: count, share: z.number() })
          .nullable()
          .openapi({ description: "What is asked most often, and its share." }),
        balance: z.number().nullable().openapi({
          description: "How evenly classes are asked: the entropy of their shares over that of equal ones.",
        }),
        unseenClasses: count.nullable().openapi({ description: "Classes that train never asks." }),
        duplicateRows: count.openapi({ description: "Rows whose inputs an earlier row of the split has." }),
        inTrain: count.nullable().openapi({ description: "Rows whose inputs train has too; null of train." }),
        conflicting: count.nullable().openapi({ description: "Of those, rows with other targets than train has." }),
        nearTrain: count.nullable().openapi({
          description: "Further rows that share four fifths of their features with a row of train; null of short rows.",
        }),
        resolves: z.object({ independent: z.number(), paired: z.number().nullable() }).openapi({
          description:
            "Smallest changes of accuracy that are told from noise at 95%: between independent measurements at an accuracy of one half, and on the same examples where all that flip do so one way.",
        }),
      }),
    ),
    examplesForOnePoint: count.openapi({
      description: "Examples that resolve a change of .01 between independent measurements.",
    }),
    nearSearched: count.openapi({ description: "Rows of train that near duplicates were looked for in." }),
  })
  .openapi("SuiteAudit");

const Suite = SuiteRef.extend({
  status: z.enum(["validating", "ready", "refused"]),
  task: z.string().openapi({ example: "classification" }),
  scoring: z
    .record(z.string(), z.union([z.string(), z.number(), z.null()]))
    .openapi({ description: "The task with its options.", example: { task: "classification", ignoreIndex: null } }),
  output: z.string().openapi({ description: "The model output that answers.", example: "logits" }),
  inputs: z.array(
    z.object({
      name: z.string().openapi({ example: "a" }),
      dtype: z.string().openapi({ example: "int64" }),
      shape: z.array(z.number().int()).openapi({ description: "One example's, without the batch axis." }),
    }),
  ),
  splits: z.array(
    z.object({
      name: z.string().openapi({ example: "ood:corner" }),
      rows: z.number().int().openapi({ description: "Length of the batch axis." }),
      total: z.number().int().openapi({ description: "Targets that are asked; of a multilabel, sets of labels." }),
      chance: z.number().openapi({ description: "What the best constant answer scores: the majority-class rate." }),
    }),
  ),
  audit: SuiteAudit.nullable().openapi({
    description: "Null until it is ready, and of a version from before audits: put it again.",
  }),
  problem: z
    .object({ code: z.string(), detail: z.string() })
    .nullable()
    .openapi({ description: "Why it is refused, and what to do." }),
  bytes: z.number().int(),
  createdAt: Time,
}).openapi("Suite");

export function toAudit(audit: NamedSuiteVersion["version"]["audit"]): z.infer<typeof SuiteAudit> | null {
  return audit && { ...audit, splits: audit.splits.map(({ balance = null, ...split }) => ({ ...split, balance })) };
}

export function toSuite({ name, version }: NamedSuiteVersion): z.infer<typeof Suite> {
  const { status, task, scoring, output, inputs, splits, audit, problem, bytes } = version;
  const createdAt = version.createdAt.toISOString();
  return {
    name,
    version: version.version,
    status,
    task,
    scoring: { ...scoring },
    output,
    inputs,
    splits: splits.map(({ name, rows, total, chance }) => ({ name, rows, total, chance })),
    audit: toAudit(audit),
    problem,
    bytes,
    createdAt,
  };
}

const params = z.object({ name: Name });

const put = createRoute({
  method: "put",
  path: "/suites/{name}",
  operationId: "putSuite",
  summary: "Keep a suite version",
  description:
    "Body: a safetensors file with tensors `<split>/<model input>` and `<split>/target`, rows along the first axis, and `__metadata__` with `task` (classification, binary, multilabel or regression), `output` and the task's options: `ignore_index`, `threshold`, `tolerance`, `relative_tolerance`. `<split>/target_mask`, in the target's shape, says which targets are asked. Splits: `train`, `validation`, `ood:<name>`. Versions are content-addressed: the same bytes answer 200, and are the newest again. `Content-Digest: sha-256=:…:` (RFC 9530) is checked where given; with `If-None-Match: *` a suite that is there answers 412. Other conditions and Content-Range answer 400.",
  middleware: [requireActor("push")] as const,
  request: { params, body: { content: { "application/octet-stream": { schema: z.any() } } } },
  responses: {
    200: json(Suite, "This version is kept already"),
    201: json(Suite, "A new version"),
    ...errorResponses,
    ...bodyErrors,
    ...unprocessable,
  },
});

const get = createRoute({
  method: "get",
  path: "/suites/{name}",
  operationId: "getSuite",
  summary: "A suite at its newest version",
  middleware: [requireActor("read")] as const,
  request: { params },
  responses: { 200: json(Suite, "The suite"), ...errorResponses },
});

const createUpload = createRoute({
  method: "post",
  path: "/suites/{name}/uploads",
  operationId: "createSuiteUpload",
  summary: "Upload a large suite in parts, straight to the store",
  description:
    "As a checkpoint's upload: an address for each part, then `POST /uploads/{id}/complete`. The version is `validating` while it is read, checked and audited, then `ready` or `refused`, with the reason in `problem`.",
  middleware: [requireActor("push")] as const,
  request: { params, body: { required: true, content: { "application/json": { schema: NewUpload } } } },
  responses: {
    200: json(Upload, "The same is under way"),
    201: json(Upload, "Begun"),
    ...errorResponses,
    ...postErrors,
    ...storeErrors,
  },
});

const Page = json(z.object({ suites: z.array(Suite), next: z.string().nullable() }), "A page");
const VersionPage = json(z.object({ versions: z.array(Suite), next: z.string().nullable() }), "A page");

const list = createRoute({
  method: "get",
  path: "/suites",
  operationId: "listSuites",
  summary: "The team's suites by name, each at its newest version",
  middleware: [requireActor("read")] as const,
  request: { query: PageQuery.extend({ cursor: Name.optional() }) },
  responses: { 200: Page, ...errorResponses },
});

const listOfVersions = createRoute({
  method: "get",
  path: "/suites/{name}/versions",
  operationId: "listSuiteVersions",
  summary: "A suite's versions, those put last first",
  middleware: [requireActor("read")] as const,
  request: { params, query: PageQuery },
  responses: { 200: VersionPage, ...errorResponses },
});

const getOfVersion = createRoute({
  method: "get",
  path: "/suites/{name}/versions/{version}",
  operationId: "getSuiteVersion",
  summary: "One version of a suite, with its audit",
  middleware: [requireActor("read")] as const,
  request: { params: params.extend({ version: Digest }) },
  responses: { 200: json(Suite, "The version"), ...errorResponses },
});

export function registerSuites(app: App): void {
  app.openapi(put, async (c) => {
    const length = declaredLength(c, MAX_SUITE_BYTES);
    const onlyNew = readConditions(c);
    const claimedDigest = parseContentDigest(c.req.header("content-digest"));
    const bytes = new Uint8Array(await c.req.arrayBuffer());
    if (bytes.byteLength !== length) {
      throw new DomainError("body_truncated", `The body ended after ${bytes.byteLength} of ${length} bytes.`);
    }
    const suite = await putSuite(c.var.team, { name: c.req.valid("param").name, bytes, claimedDigest, onlyNew });
    return suite.created ? c.json(toSuite(suite), 201) : c.json(toSuite(suite), 200);
  });
  app.openapi(createUpload, async (c) => {
    const upload = await createSuiteUpload(c.var.team, { ...c.req.valid("param"), ...c.req.valid("json") });
    return upload.created ? c.json(toUpload(upload), 201) : c.json(toUpload(upload), 200);
  });
  app.openapi(list, async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const suites = await listSuites(c.var.team, { limit, after: cursor });
    return c.json(
      { suites: suites.map(toSuite), next: suites.length === limit ? (suites.at(-1)?.name ?? null) : null },
      200,
    );
  });
  app.openapi(listOfVersions, async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const versions = await listVersions(c.var.team, c.req.valid("param").name, { limit, cursor });
    const next = versions.length === limit ? (versions.at(-1)?.version.id ?? null) : null;
    return c.json({ versions: versions.map(toSuite), next }, 200);
  });
  app.openapi(getOfVersion, async (c) => {
    const { name, version } = c.req.valid("param");
    return c.json(toSuite(await getVersion(c.var.team, name, version)), 200);
  });
  app.openapi(get, async (c) => c.json(toSuite(await getSuite(c.var.team, c.req.valid("param").name)), 200));
}
