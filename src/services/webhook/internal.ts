import { and, asc, eq, inArray } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { webhooks } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";

export type WebhookRow = typeof webhooks.$inferSelect;

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

/** Those that the service itself turned off: what their owners would miss. */
export async function listTurnedOff(ctx: TeamContext): Promise<WebhookRow[]> {
  return await ctx.db
    .select()
    .from(webhooks)
    .where(
      and(
        eq(webhooks.teamId, ctx.actor.teamId),
        eq(webhooks.enabled, false),
        inArray(webhooks.disabledReason, ["gone", "failing"]),
      ),
    )
    .orderBy(asc(webhooks.id));
}

/** Deletes a webhook with its deliveries. @throws DomainError `webhook_not_found` */
export async function deleteWebhook(ctx: TeamContext, id: string): Promise<void> {
  const { id: owned } = await getWebhookOwnedBy(ctx, id);
  await ctx.db.delete(webhooks).where(eq(webhooks.id, owned));
}
