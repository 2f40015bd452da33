import { createRoute, z } from "@hono/zod-openapi";
import { type DeadLetterRow, listDeadLetters } from "../services/dead-letter/list.ts";
import type { App } from "./app-type.ts";
import { requireActor } from "./authenticate.ts";
import { errorResponses, json, PageQuery, Time } from "./schemas.ts";

const DeadLetter = z
  .object({
    id: z.string().openapi({ example: "dle_01kaqxw3t2e8y9v0c1m7d5r4bn" }),
    messageId: z.string().openapi({ description: "The log's lines about its attempts carry it as `requestId`." }),
    body: z
      .record(z.string(), z.unknown())
      .openapi({ description: "What the message hinted at, by its id.", example: { evaluationId: "evl_…" } }),
    createdAt: Time,
  })
  .openapi("DeadLetter");

function toDeadLetter({ id, messageId, body, createdAt }: DeadLetterRow): z.infer<typeof DeadLetter> {
  return { id, messageId, body: { ...Object(body) }, createdAt: createdAt.toISOString() };
}

const list = createRoute({
  method: "get",
  path: "/dead-letters",
  operationId: "listDeadLetters",
  summary: "Queue messages that failed as often as the queue allows, newest first",
  description: "Their work is not lost: the sweep finds it by its rows. Kept for 30 days.",
  middleware: [requireActor("admin")] as const,
  request: { query: PageQuery },
  responses: {
    200: json(z.object({ deadLetters: z.array(DeadLetter), next: z.string().nullable() }), "A page"),
    ...errorResponses,
  },
});

export function registerDeadLetters(app: App): void {
  app.openapi(list, async (c) => {
    const { limit, cursor: before } = c.req.valid("query");
    const rows = await listDeadLetters(c.var.team, { limit, before });
    const next = rows.length === limit ? (rows.at(-1)?.id ?? null) : null;
    return c.json({ deadLetters: rows.map(toDeadLetter), next }, 200);
  });
}
