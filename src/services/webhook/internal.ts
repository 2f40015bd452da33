import { and, asc, desc, eq, lt } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { deliveries, webhooks } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";

export type WebhookRow = typeof webhooks.$inferSelect;
export type DeliveryRow = typeof deliveries.$inferSelect;

/** @throws DomainError `webhook_not_found` */
export async function getWebhookOwnedBy(ctx: TeamContext, id: string): Promise<WebhookRow> {
  const [row] = await ctx.db
    .select()
    .from(webhooks)
    .where(and(eq(webhooks.teamId, ctx.actor.teamId), eq(webhooks.id, id)));
  if (!row) throw new DomainError("webhook_not_found", `There is no webhook "${id}".`);
  return row;
}

export async function listWebhooks(ctx: TeamContext): Promise<WebhookRow[]> {
  return await ctx.db.select().from(webhooks).where(eq(webhooks.teamId, ctx.actor.teamId)).orderBy(asc(webhooks.id));
}

/** Deletes a webhook with its deliveries. @throws DomainError `webhook_not_found` */
export async function deleteWebhook(ctx: TeamContext, id: string): Promise<void> {
  const { id: owned } = await getWebhookOwnedBy(ctx, id);
  await ctx.db.delete(webhooks).where(eq(webhooks.id, owned));
}

/** A webhook's deliveries, newest first. `before` is the last id of the page before. */
export async function listDeliveries(
  ctx: TeamContext,
  webhookId: string,
  page: { limit: number; before: string | undefined },
): Promise<DeliveryRow[]> {
  const { id } = await getWebhookOwnedBy(ctx, webhookId);
  return await ctx.db
    .select()
    .from(deliveries)
    .where(and(eq(deliveries.webhookId, id), page.before ? lt(deliveries.id, page.before) : undefined))
    .orderBy(desc(deliveries.id))
    .limit(page.limit);
}
