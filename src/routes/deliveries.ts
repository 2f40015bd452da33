import { createRoute, z } from "@hono/zod-openapi";
import type { DeliveryRow } from "../services/delivery/claim.ts";
import { type AttemptRow, getDelivery, listDeliveries } from "../services/delivery/list.ts";
import { redeliver, redeliverRange } from "../services/delivery/redeliver.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { conflict, errorResponses, json, PageQuery, postErrors, Time } from "./schemas.ts";

const Status = z.enum(["pending", "delivered", "exhausted"]).openapi({
  description: "`exhausted`: given up after 28 hours, or with its webhook; kept, and sent again when asked for.",
});

const Delivery = z
  .object({
    id: z.string().openapi({ example: "dlv_01kaqxw3t2e8y9v0c1m7d5r4bn" }),
    webhookId: z.string(),
    eventId: z.string().openapi({ description: "The `webhook-id` header: the same at every attempt." }),
    eventType: z.string(),
    status: Status,
    attempts: z.number().int(),
    lastStatus: z.number().int().nullable(),
    lastError: z.string().nullable(),
    nextAttemptAt: Time.nullable(),
    createdAt: Time,
    deliveredAt: Time.nullable(),
  })
  .openapi("Delivery");

const Attempt = z
  .object({
    attempt: z.number().int().openapi({ description: "From 1. One that never came to its end is missing." }),
    startedAt: Time,
    latencyMs: z.number().int(),
    status: z.number().int().nullable(),
    answer: z.string().nullable().openapi({ description: "The first kilobyte of the answer's body." }),
    error: z.string().nullable(),
  })
  .openapi("DeliveryAttempt");

const DetailedDelivery = Delivery.extend({
  body: z.string().openapi({ description: "As it is signed and sent." }),
  history: z.array(Attempt),
}).openapi("DetailedDelivery");

const RangeInput = z
  .strictObject({
    from: z.iso.datetime({ offset: true }).openapi({ description: "Of events from then on. RFC 3339." }),
    to: z.iso.datetime({ offset: true }).optional().openapi({ description: "Before then; left out, until now." }),
    statuses: z
      .array(z.enum(["exhausted", "delivered"]))
      .min(1)
      .default(["exhausted"]),
  })
  .refine(({ from, to }) => to === undefined || Date.parse(from) < Date.parse(to), {
    path: ["to"],
    message: "must be later than from",
  })
  .openapi("RedeliverRange");

function toDelivery(row: DeliveryRow): z.infer<typeof Delivery> {
  const { id, webhookId, eventId, eventType, status, attempts, lastStatus, lastError } = row;
  return {
    id,
    webhookId,
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

function toAttempt({ attempt, startedAt, latencyMs, status, answer, error }: AttemptRow): z.infer<typeof Attempt> {
  return { attempt, startedAt: startedAt.toISOString(), latencyMs, status, answer, error };
}

const params = z.object({ id: z.string() });
const history = createRoute({
  method: "get",
  path: "/webhooks/{id}/deliveries",
  operationId: "listDeliveries",
  summary: "A webhook's deliveries, newest first",
  middleware: [requireActor("admin")] as const,
  request: { params, query: PageQuery.extend({ status: Status.optional() }) },
  responses: {
    200: json(z.object({ deliveries: z.array(Delivery), next: z.string().nullable() }), "A page"),
    ...errorResponses,
  },
});

const get = createRoute({
  method: "get",
  path: "/deliveries/{id}",
  operationId: "getDelivery",
  summary: "A delivery: its body, and what came of each attempt",
  middleware: [requireActor("admin")] as const,
  request: { params },
  responses: { 200: json(DetailedDelivery, "The delivery"), ...errorResponses },
});

const again = createRoute({
  method: "post",
  path: "/deliveries/{id}/redeliver",
  operationId: "redeliver",
  summary: "Send a delivery again, now: the same event under the same id",
  middleware: [requireActor("admin")] as const,
  request: { params },
  responses: { 202: json(z.object({ deliveryId: z.string() }), "Queued"), ...errorResponses, ...conflict },
});

const range = createRoute({
  method: "post",
  path: "/webhooks/{id}/redeliver",
  operationId: "redeliverRange",
  summary: "Send again what a webhook missed in a stretch of time",
  middleware: [requireActor("admin")] as const,
  request: { params, body: { required: true, content: { "application/json": { schema: RangeInput } } } },
  responses: {
    202: json(z.object({ redelivered: z.number().int() }), "How many are queued"),
    ...errorResponses,
    ...postErrors,
    ...conflict,
  },
});

export function registerDeliveries(app: App): void {
  app.openapi(history, async (c) => {
    const { limit, cursor: before, status } = c.req.valid("query");
    const rows = await listDeliveries(c.var.team, c.req.valid("param").id, { limit, before, status });
    const next = rows.length === limit ? (rows.at(-1)?.id ?? null) : null;
    return c.json({ deliveries: rows.map(toDelivery), next }, 200);
  });
  app.openapi(get, async (c) => {
    const { delivery, attempts } = await getDelivery(c.var.team, c.req.valid("param").id);
    return c.json({ ...toDelivery(delivery), body: delivery.body, history: attempts.map(toAttempt) }, 200);
  });
  app.openapi(again, async (c) => {
    const { id } = c.req.valid("param");
    await redeliver(c.var.team, id);
    return c.json({ deliveryId: id }, 202);
  });
  app.openapi(range, async (c) => {
    const { from, to, statuses } = c.req.valid("json");
    const until = to === undefined ? c.var.team.now() : new Date(to);
    const span = { from: new Date(from), to: until, statuses };
    return c.json({ redelivered: await redeliverRange(c.var.team, c.req.valid("param").id, span) }, 202);
  });
}
