import { and, eq, lte, sql } from "drizzle-orm";
import type { Context } from "../../context.ts";
import { deliveries, webhooks } from "../../database/schema.ts";
import { signedHeaders } from "./sign.ts";

const TIMEOUT_MS = 15_000;
/** For as long as this an attempt in hand is nobody else's: longer than the request may take. */
const LEASE_MS = 30_000;
/** Waits after the first failure, the second, …: 28 hours in all, the shape that Svix made usual. */
const SCHEDULE_SECONDS = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600];
const GONE = 410;

export type DeliveryOutcome = "delivered" | "failed" | "nothing_to_do";

/** Sends a delivery if it is due. At least once: a crash after the send repeats it, under the same event id. */
export async function deliver(ctx: Context, deliveryId: string): Promise<DeliveryOutcome> {
  const claimed = await claim(ctx, deliveryId);
  if (!claimed) return "nothing_to_do";
  const { delivery, webhook } = claimed;
  if (!webhook.enabled) {
    await record(ctx, delivery.id, { status: "exhausted", lastError: "the webhook is disabled" });
    return "failed";
  }
  const answer = await send(ctx, webhook, delivery);
  if (answer.status !== null && answer.status >= 200 && answer.status < 300) {
    await record(ctx, delivery.id, {
      status: "delivered",
      lastStatus: answer.status,
      lastError: null,
      deliveredAt: ctx.now(),
    });
    return "delivered";
  }
  if (answer.status === GONE) {
    await ctx.db.update(webhooks).set({ enabled: false }).where(eq(webhooks.id, webhook.id));
  }
  const wait = SCHEDULE_SECONDS[delivery.attempts - 1];
  const exhausted = wait === undefined || answer.status === GONE;
  await record(ctx, delivery.id, {
    status: exhausted ? "exhausted" : "pending",
    lastStatus: answer.status,
    lastError: answer.error,
    // Up to a fifth later, so that the failures of one outage do not all come back at once.
    ...(exhausted ? {} : { nextAttemptAt: new Date(ctx.now().getTime() + wait * 1000 * (1 + Math.random() / 5)) }),
  });
  ctx.log("warn", "delivery.failed", {
    deliveryId,
    attempts: delivery.attempts,
    status: answer.status,
    error: answer.error,
  });
  return "failed";
}

type DeliveryRow = typeof deliveries.$inferSelect;
type WebhookRow = typeof webhooks.$inferSelect;

/** Counts the attempt before it starts, and keeps others off while it lasts. */
async function claim(ctx: Context, deliveryId: string): Promise<{ delivery: DeliveryRow; webhook: WebhookRow } | null> {
  const now = ctx.now();
  const [delivery] = await ctx.db
    .update(deliveries)
    .set({ attempts: sql`${deliveries.attempts} + 1`, nextAttemptAt: new Date(now.getTime() + LEASE_MS) })
    .where(and(eq(deliveries.id, deliveryId), eq(deliveries.status, "pending"), lte(deliveries.nextAttemptAt, now)))
    .returning();
  if (!delivery) return null;
  const [webhook] = await ctx.db.select().from(webhooks).where(eq(webhooks.id, delivery.webhookId));
  return webhook ? { delivery, webhook } : null;
}

async function send(
  ctx: Context,
  webhook: WebhookRow,
  delivery: DeliveryRow,
): Promise<{ status: number | null; error: string | null }> {
  const { eventId: id, body } = delivery;
  try {
    const response = await fetch(webhook.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "CuriePoint-Webhooks/1",
        ...(await signedHeaders(webhook.secret, { id, at: ctx.now(), body })),
      },
      body,
      // A redirect could lead where the address itself may not.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    return { status: response.status, error: response.ok ? null : `answered ${response.status}` };
  } catch (error) {
    return { status: null, error: error instanceof Error ? error.message.slice(0, 200) : "unreachable" };
  }
}

async function record(ctx: Context, deliveryId: string, outcome: Partial<DeliveryRow>): Promise<void> {
  await ctx.db.update(deliveries).set(outcome).where(eq(deliveries.id, deliveryId));
}
