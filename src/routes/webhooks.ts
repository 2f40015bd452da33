import { createRoute, z } from "@hono/zod-openapi";
import { EVENT_TYPES, type EventType } from "../services/delivery/enqueue.ts";
import { createWebhook } from "../services/webhook/create.ts";
import {
  type DeliveryRow,
  deleteWebhook,
  getWebhookOwnedBy,
  listDeliveries,
  listWebhooks,
  type WebhookRow,
} from "../services/webhook/internal.ts";
import { pingWebhook } from "../services/webhook/ping.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { errorResponses, json, PageQuery, postErrors, Time, unprocessable } from "./schemas.ts";

const SUBSCRIBABLE = EVENT_TYPES.filter((type): type is Exclude<EventType, "ping"> => type !== "ping");

const Webhook = z
  .object({
    id: z.string().openapi({ example: "whk_01kaqxw3t2e8y9v0c1m7d5r4bn" }),
    url: z.string(),
    events: z.array(z.string()),
    enabled: z.boolean().openapi({ description: "False once the receiver has answered 410 Gone." }),
    createdAt: Time,
  })
  .openapi("Webhook");

const NewWebhook = z
  .strictObject({
    url: z.string().max(2048).openapi({ description: "https.", example: "https://ci.example.com/curie-point" }),
    events: z
      .array(z.enum(SUBSCRIBABLE))
      .min(1)
      .default([...SUBSCRIBABLE]),
  })
  .openapi("NewWebhook");

const CreatedWebhook = Webhook.extend({
  secret: z
    .string()
    .openapi({ description: "Shown once. Verify with any Standard Webhooks library.", example: "whsec_…" }),
}).openapi("CreatedWebhook");

const Delivery = z
  .object({
    id: z.string(),
    eventId: z.string().openapi({ description: "The `webhook-id` header: the same at every attempt." }),
    eventType: z.string(),
    status: z.enum(["pending", "delivered", "exhausted"]),
    attempts: z.number().int(),
    lastStatus: z.number().int().nullable(),
    lastError: z.string().nullable(),
    nextAttemptAt: Time.nullable(),
    createdAt: Time,
    deliveredAt: Time.nullable(),
  })
  .openapi("Delivery");

function toWebhook({ id, url, events, enabled, createdAt }: WebhookRow): z.infer<typeof Webhook> {
  return { id, url, events, enabled, createdAt: createdAt.toISOString() };
}

function toDelivery(row: DeliveryRow): z.infer<typeof Delivery> {
  const { id, eventId, eventType, status, attempts, lastStatus, lastError } = row;
  return {
    id,
    eventId,
    eventType,
    status,
    attempts,
    lastStatus,
    lastError,
    nextAttemptAt: status === "pending" ? row.nextAttemptAt.toISOString() : null,
    createdAt: row.createdAt.toISOString(),
    deliveredAt: row.deliveredAt?.toISOString() ?? null,
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
  responses: { 201: json(CreatedWebhook, "Subscribed"), ...errorResponses, ...postErrors, ...unprocessable },
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
  responses: { 202: json(z.object({ deliveryId: z.string() }), "Queued: see its deliveries"), ...errorResponses },
});

const history = createRoute({
  method: "get",
  path: "/webhooks/{id}/deliveries",
  operationId: "listDeliveries",
  summary: "A webhook's deliveries, newest first",
  middleware: [requireActor("admin")] as const,
  request: { params, query: PageQuery },
  responses: {
    200: json(z.object({ deliveries: z.array(Delivery), next: z.string().nullable() }), "A page"),
    ...errorResponses,
  },
});

export function registerWebhooks(app: App): void {
  app.openapi(create, async (c) => {
    const input = c.req.valid("json");
    const row = await createWebhook(c.var.team, { ...input, allowLoopback: c.var.config.local });
    return c.json({ ...toWebhook(row), secret: row.secret }, 201);
  });
  app.openapi(list, async (c) => c.json({ webhooks: (await listWebhooks(c.var.team)).map(toWebhook) }, 200));
  app.openapi(get, async (c) => c.json(toWebhook(await getWebhookOwnedBy(c.var.team, c.req.valid("param").id)), 200));
  app.openapi(remove, async (c) => {
    await deleteWebhook(c.var.team, c.req.valid("param").id);
    return c.body(null, 204);
  });
  app.openapi(ping, async (c) => c.json(await pingWebhook(c.var.team, c.req.valid("param").id), 202));
  app.openapi(history, async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const rows = await listDeliveries(c.var.team, c.req.valid("param").id, { limit, before: cursor });
    const next = rows.length === limit ? (rows.at(-1)?.id ?? null) : null;
    return c.json({ deliveries: rows.map(toDelivery), next }, 200);
  });
}
