import { createRoute, z } from "@hono/zod-openapi";
import { SUBSCRIBABLE } from "../services/delivery/events.ts";
import { createWebhook } from "../services/webhook/create.ts";
import { deleteWebhook, getWebhookOwnedBy, listWebhooks, type WebhookRow } from "../services/webhook/internal.ts";
import { pingWebhook } from "../services/webhook/ping.ts";
import { rotateSecret } from "../services/webhook/rotate-secret.ts";
import { updateWebhook } from "../services/webhook/update.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { conflict, errorResponses, json, postErrors, Time, unprocessable } from "./schemas.ts";

const Url = z
  .string()
  .max(2048)
  .openapi({ description: "https, at a public address.", example: "https://ci.example.com/curie-point" });
const Format = z.enum(["standard", "slack"]).openapi({
  description: '`slack`: the body is `{"text"}`, for an incoming webhook of Slack\'s kind. Signed all the same.',
});
const Events = z.array(z.enum(SUBSCRIBABLE)).min(1);
const names = (description: string, example: string[]) =>
  z.array(z.string().min(1).max(128)).max(100).openapi({ description, example });
const Models = names("Only of these models, by id or name; an empty list leaves none out.", ["add47-seed7"]);
const Tags = names("Only of models with one of these tags.", ["nightly"]);
const Ensembles = names("Only of models of these ensembles.", ["add47"]);

const Webhook = z
  .object({
    id: z.string().openapi({ example: "whk_01kaqxw3t2e8y9v0c1m7d5r4bn" }),
    url: z.string(),
    format: Format,
    events: z.array(z.string()),
    models: z.array(z.string()).openapi({ description: "By id." }),
    tags: z.array(z.string()),
    ensembles: z.array(z.string()),
    enabled: z.boolean(),
    disabledReason: z.enum(["gone", "failing", "asked"]).nullable().openapi({
      description: "`gone`: the receiver answered 410. `failing`: it failed for five days. `asked`: by PATCH.",
    }),
    failingSince: Time.nullable().openapi({ description: "Of the first failure after the last success." }),
    createdAt: Time,
  })
  .openapi("Webhook");

const NewWebhook = z
  .strictObject({
    url: Url,
    format: Format.default("standard"),
    events: Events.default([...SUBSCRIBABLE]),
    models: Models.default([]),
    tags: Tags.default([]),
    ensembles: Ensembles.default([]),
  })
  .openapi("NewWebhook");

const WebhookChange = z
  .strictObject({
    url: Url.optional(),
    format: Format.optional(),
    events: Events.optional(),
    models: Models.optional(),
    tags: Tags.optional(),
    ensembles: Ensembles.optional(),
    enabled: z.boolean().optional().openapi({ description: "False ends what is pending; true starts anew." }),
  })
  .openapi("WebhookChange");

const Secret = z.string().openapi({
  description: "Shown once. Verify with any Standard Webhooks library.",
  example: "whsec_…",
});
const CreatedWebhook = Webhook.extend({ secret: Secret }).openapi("CreatedWebhook");
const Rotation = z
  .object({
    secret: Secret,
    previousUntil: Time.openapi({ description: "Until then deliveries carry the signature of the old secret too." }),
  })
  .openapi("Rotation");

function toWebhook(row: WebhookRow): z.infer<typeof Webhook> {
  const { id, url, format, events, models, tags, ensembles, enabled, disabledReason } = row;
  return {
    id,
    url,
    format,
    events,
    models,
    tags,
    ensembles,
    enabled,
    disabledReason,
    failingSince: row.failingSince?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
  };
}

const params = z.object({ id: z.string() });
const create = createRoute({
  method: "post",
  path: "/webhooks",
  operationId: "createWebhook",
  summary: "Be told of transitions and verdicts",
  description: "Deliveries follow Standard Webhooks 1.0. `webhook-id` names the event: deduplicate by it.",
  middleware: [requireActor("admin")] as const,
  request: { body: { required: true, content: { "application/json": { schema: NewWebhook } } } },
  responses: {
    201: json(CreatedWebhook, "Subscribed"),
    ...errorResponses,
    ...postErrors,
    ...conflict,
    ...unprocessable,
  },
});

const list = createRoute({
  method: "get",
  path: "/webhooks",
  operationId: "listWebhooks",
  summary: "The team's webhooks",
  middleware: [requireActor("admin")] as const,
  responses: { 200: json(z.object({ webhooks: z.array(Webhook) }), "All of them"), ...errorResponses },
});

const get = createRoute({
  method: "get",
  path: "/webhooks/{id}",
  operationId: "getWebhook",
  summary: "A webhook",
  middleware: [requireActor("admin")] as const,
  request: { params },
  responses: { 200: json(Webhook, "The webhook"), ...errorResponses },
});

const update = createRoute({
  method: "patch",
  path: "/webhooks/{id}",
  operationId: "updateWebhook",
  summary: "Change a webhook, turn it off or on",
  middleware: [requireActor("admin")] as const,
  request: { params, body: { required: true, content: { "application/json": { schema: WebhookChange } } } },
  responses: { 200: json(Webhook, "As it is now"), ...errorResponses, ...postErrors, ...unprocessable },
});

const rotate = createRoute({
  method: "post",
  path: "/webhooks/{id}/rotate-secret",
  operationId: "rotateWebhookSecret",
  summary: "A new secret; for 24 hours deliveries are signed with the old one too",
  middleware: [requireActor("admin")] as const,
  request: { params },
  responses: { 200: json(Rotation, "The new secret"), ...errorResponses },
});

const remove = createRoute({
  method: "delete",
  path: "/webhooks/{id}",
  operationId: "deleteWebhook",
  summary: "Unsubscribe: the webhook goes with its deliveries",
  middleware: [requireActor("admin")] as const,
  request: { params },
  responses: { 204: { description: "Gone" }, ...errorResponses },
});

const ping = createRoute({
  method: "post",
  path: "/webhooks/{id}/test",
  operationId: "testWebhook",
  summary: "Send a ping",
  middleware: [requireActor("admin")] as const,
  request: { params },
  responses: {
    202: json(z.object({ deliveryId: z.string() }), "Queued: see its deliveries"),
    ...errorResponses,
    ...conflict,
  },
});

export function registerWebhooks(app: App): void {
  app.openapi(create, async (c) => {
    const row = await createWebhook(c.var.team, c.req.valid("json"), c.var.config.webhookUrls);
    return c.json({ ...toWebhook(row), secret: row.secret }, 201);
  });
  app.openapi(list, async (c) => c.json({ webhooks: (await listWebhooks(c.var.team)).map(toWebhook) }, 200));
  app.openapi(get, async (c) => c.json(toWebhook(await getWebhookOwnedBy(c.var.team, c.req.valid("param").id)), 200));
  app.openapi(update, async (c) => {
    const { id } = c.req.valid("param");
    const row = await updateWebhook(c.var.team, id, c.req.valid("json"), c.var.config.webhookUrls);
    return c.json(toWebhook(row), 200);
  });
  app.openapi(rotate, async (c) => {
    const { secret, previousUntil } = await rotateSecret(c.var.team, c.req.valid("param").id);
    return c.json({ secret, previousUntil: previousUntil.toISOString() }, 200);
  });
  app.openapi(remove, async (c) => {
    await deleteWebhook(c.var.team, c.req.valid("param").id);
    return c.body(null, 204);
  });
  app.openapi(ping, async (c) => c.json(await pingWebhook(c.var.team, c.req.valid("param").id), 202));
}
