import { and, eq, gte, inArray, lt, ne, type SQL } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { type DeliveryStatus, deliveries } from "../../database/schema.ts";
import { getWebhookOwnedBy } from "../webhook/internal.ts";
import { webhookDisabled } from "../webhook/ping.ts";
import { hintDeliveries } from "./enqueue.ts";
import { getDeliveryOwnedBy } from "./list.ts";

/**
 * Sends a delivery again, whatever became of it: the same event under the same id, the schedule from its beginning.
 * One that is pending is sent now.
 * @throws DomainError `delivery_not_found`, `webhook_disabled`
 */
export async function redeliver(ctx: TeamContext, deliveryId: string): Promise<void> {
  const delivery = await getDeliveryOwnedBy(ctx, deliveryId);
  const webhook = await getWebhookOwnedBy(ctx, delivery.webhookId);
  if (!webhook.enabled) throw webhookDisabled(webhook.id);
  await askAgain(ctx, eq(deliveries.id, delivery.id));
}

export interface Range {
  /** Of the deliveries' making: the first is part of the range, the last is not. */
  from: Date;
  to: Date;
  statuses: Exclude<DeliveryStatus, "pending">[];
}

/**
 * Sends again what a webhook missed in a stretch of time.
 * @returns how many deliveries
 * @throws DomainError `webhook_not_found`, `webhook_disabled`
 */
export async function redeliverRange(ctx: TeamContext, webhookId: string, range: Range): Promise<number> {
  const webhook = await getWebhookOwnedBy(ctx, webhookId);
  if (!webhook.enabled) throw webhookDisabled(webhook.id);
  const { from, to, statuses } = range;
  return await askAgain(
    ctx,
    eq(deliveries.webhookId, webhook.id),
    ne(deliveries.status, "pending"),
    inArray(deliveries.status, statuses),
    gte(deliveries.createdAt, from),
    lt(deliveries.createdAt, to),
  );
}

async function askAgain(ctx: TeamContext, ...which: SQL[]): Promise<number> {
  const asked = await ctx.db
    .update(deliveries)
    .set({ status: "pending", attemptsBefore: deliveries.attempts, nextAttemptAt: ctx.now(), deliveredAt: null })
    .where(and(...which))
    .returning({ id: deliveries.id });
  await hintDeliveries(
    ctx,
    asked.map(({ id }) => id),
  );
  return asked.length;
}
