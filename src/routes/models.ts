import { createRoute, z } from "@hono/zod-openapi";
import { isId } from "../ids.ts";
import { createModel } from "../services/model/create.ts";
import { deleteModel } from "../services/model/delete.ts";
import { getModel, type PinnedModel } from "../services/model/internal.ts";
import { type ListedModel as ListedModelRow, listModels } from "../services/model/list.ts";
import { updateModel } from "../services/model/update.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import {
  Caveats,
  conflict,
  Digest,
  EvidenceProvenance,
  errorResponses,
  json,
  LeastChange,
  Name,
  PageQuery,
  PolicySchema,
  postErrors,
  SuiteRef,
  Time,
  unprocessable,
} from "./schemas.ts";

const Model = z
  .object({
    id: z.string().openapi({ example: "mdl_01kaqxw3t2e8y9v0c1m7d5r4bn" }),
    name: Name,
    suite: SuiteRef.openapi({ description: "The suite version that the model is pinned to." }),
    tags: z.array(z.string()),
    ensemble: z.string().nullable(),
    policy: z.record(z.string(), z.union([z.number(), z.boolean()])),
    keepEvery: z.number().int().nullable().openapi({ description: "Each n-th checkpoint keeps its bytes; null: all." }),
    createdAt: Time,
  })
  .openapi("Model");

export function toModel(model: PinnedModel): z.infer<typeof Model> {
  const { id, name, tags, ensemble, keepEvery, suiteName, suiteVersion } = model;
  return {
    id,
    name,
    suite: { name: suiteName, version: suiteVersion.version },
    tags,
    ensemble,
    policy: { ...model.policy },
    keepEvery,
    createdAt: model.createdAt.toISOString(),
  };
}

const toListed = ({
  verdict,
  provenance,
  caveats,
  leastChange,
  ...model
}: ListedModelRow): z.infer<typeof ListedModel> => ({
  ...toModel(model),
  verdict,
  provenance,
  caveats,
  leastChange,
});

/** Postgres keeps no NUL in text. */
const Tag = z
  .string()
  .min(1)
  .max(64)
  .refine((tag) => !tag.includes("\0"), "must not hold a NUL character");

const KeepEvery = z.number().int().min(2).max(1_000_000).nullable().openapi({
  description:
    "Of a long run only each n-th checkpoint keeps its bytes, with the newest and those around a transition; null: all. Needs the scope admin.",
  example: 10,
});

const NewModel = z
  .strictObject({
    // Paths take either, so a name that looked like an id could not be found again.
    name: Name.refine((name) => !isId("model", name), "must not look like a model's id"),
    suite: Name.openapi({
      description: "Name of a suite: the model is pinned to its newest version.",
      example: "add47",
    }),
    tags: z.array(Tag).max(32).default([]),
    ensemble: Name.nullable().default(null).openapi({ description: "Models that differ only by seed share one." }),
    policy: PolicySchema.default({}).openapi({ description: "Needs the scope admin." }),
    keepEvery: KeepEvery.default(null),
  })
  .openapi("NewModel");

const ModelChange = z
  .strictObject({
    tags: z.array(Tag).max(32).optional(),
    ensemble: Name.nullable().optional(),
    policy: PolicySchema.optional().openapi({
      description: "The whole policy: what is left out is at its default again. Needs the scope admin.",
    }),
    keepEvery: KeepEvery.optional(),
    suite: z
      .union([Name, z.strictObject({ name: Name, version: Digest })], "must be a suite's name, or its name and version")
      .transform((suite) => (typeof suite === "string" ? { name: suite, version: null } : suite))
      .optional()
      .openapi({
        description:
          "A suite's name (its newest version), or name and version, to pin the model to. Needs the scope admin.",
        example: { name: "add47", version: `sha256:${"0123456789abcdef".repeat(4)}` },
      }),
  })
  .openapi("ModelChange");

const ListedModel = Model.extend({
  verdict: z.string().nullable().openapi({ description: "The present verdict; null before the first evaluation." }),
  provenance: EvidenceProvenance.nullable(),
  caveats: Caveats.openapi({ description: "What the suite's audit says against it: `GET …/verdict` has all." }),
  leastChange: LeastChange,
}).openapi("ListedModel");

const create = createRoute({
  method: "post",
  path: "/models",
  operationId: "createModel",
  summary: "Put a training run under watch",
  description: "Repeating it with the same name and suite answers 200 with the model that is there.",
  middleware: [requireActor("push")] as const,
  request: { body: { required: true, content: { "application/json": { schema: NewModel } } } },
  responses: {
    200: json(Model, "The model was there already"),
    201: json(Model, "A new model"),
    ...errorResponses,
    ...postErrors,
    ...conflict,
    ...unprocessable,
  },
});

const get = createRoute({
  method: "get",
  path: "/models/{id}",
  operationId: "getModel",
  summary: "A model by id or name; in a browser, its page",
  middleware: [requireActor("read")] as const,
  request: { params: z.object({ id: z.string() }) },
  responses: { 200: json(Model, "The model"), ...errorResponses },
});

const update = createRoute({
  method: "patch",
  path: "/models/{id}",
  operationId: "updateModel",
  summary: "Change a model's tags, ensemble, policy, suite or what is kept of it",
  description:
    "What is left out stays. Another policy judges all points anew: the verdict changes at once, and what was announced under the old one is revised. Another suite version begins another trajectory: checkpoints whose bytes are kept are evaluated on it in the background, the verdict waits for all of them, and the trajectory before stays at `?suite=VERSION`.",
  middleware: [requireActor("push")] as const,
  request: {
    params: z.object({ id: z.string() }),
    body: { required: true, content: { "application/json": { schema: ModelChange } } },
  },
  responses: { 200: json(Model, "The model as it is now"), ...errorResponses, ...postErrors, ...unprocessable },
});

const remove = createRoute({
  method: "delete",
  path: "/models/{id}",
  operationId: "deleteModel",
  summary: "Delete a model with its checkpoints, its verdict and their history",
  middleware: [requireActor("admin")] as const,
  request: { params: z.object({ id: z.string() }) },
  responses: { 204: { description: "Gone" }, ...errorResponses },
});

const list = createRoute({
  method: "get",
  path: "/models",
  operationId: "listModels",
  summary: "The team's models, newest first",
  middleware: [requireActor("read")] as const,
  request: {
    query: PageQuery.extend({ ensemble: Name.optional().openapi({ description: "Those of this ensemble alone." }) }),
  },
  responses: {
    200: json(z.object({ models: z.array(ListedModel), next: z.string().nullable() }), "A page"),
    ...errorResponses,
  },
});

export function registerModels(app: App): void {
  app.openapi(create, async (c) => {
    const { model, created } = await createModel(c.var.team, c.req.valid("json"));
    return created ? c.json(toModel(model), 201) : c.json(toModel(model), 200);
  });
  app.openapi(get, async (c) => {
    const { team } = c.var;
    return c.json(toModel(await getModel(team, c.req.valid("param").id)), 200);
  });
  app.openapi(update, async (c) => {
    const { team } = c.var;
    const model = await getModel(team, c.req.valid("param").id);
    return c.json(toModel(await updateModel(team, model, c.req.valid("json"))), 200);
  });
  app.openapi(remove, async (c) => {
    const { team } = c.var;
    await deleteModel(team, await getModel(team, c.req.valid("param").id));
    return c.body(null, 204);
  });
  app.openapi(list, async (c) => {
    const { limit, cursor, ensemble } = c.req.valid("query");
    const models = await listModels(c.var.team, { limit, before: cursor, ensemble });
    const next = models.length === limit ? (models.at(-1)?.id ?? null) : null;
    return c.json({ models: models.map(toListed), next }, 200);
  });
}
