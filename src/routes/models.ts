import { createRoute, z } from "@hono/zod-openapi";
import { isId } from "../ids.ts";
import { createModel } from "../services/model/create.ts";
import { getModel, type PinnedModel } from "../services/model/internal.ts";
import { listModels } from "../services/model/list.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import {
  conflict,
  errorResponses,
  json,
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
    createdAt: Time,
  })
  .openapi("Model");

export function toModel(model: PinnedModel): z.infer<typeof Model> {
  const { id, name, tags, ensemble, suiteName, suiteVersion } = model;
  return {
    id,
    name,
    suite: { name: suiteName, version: suiteVersion.version },
    tags,
    ensemble,
    policy: { ...model.policy },
    createdAt: model.createdAt.toISOString(),
  };
}

/** Postgres keeps no NUL in text. */
const Tag = z
  .string()
  .min(1)
  .max(64)
  .refine((tag) => !tag.includes("\0"), "must not hold a NUL character");

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
  })
  .openapi("NewModel");

const ListedModel = Model.extend({
  verdict: z.string().nullable().openapi({ description: "The present verdict; null before the first evaluation." }),
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

const list = createRoute({
  method: "get",
  path: "/models",
  operationId: "listModels",
  summary: "The team's models, newest first",
  middleware: [requireActor("read")] as const,
  request: { query: PageQuery },
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
  app.openapi(list, async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const models = await listModels(c.var.team, { limit, before: cursor });
    const next = models.length === limit ? (models.at(-1)?.id ?? null) : null;
    return c.json({ models: models.map((model) => ({ ...toModel(model), verdict: model.verdict })), next }, 200);
  });
}
