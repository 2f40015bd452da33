import { and, asc, desc, eq, lt } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { type DeliveryStatus, deliveries, deliveryAttempts } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { getWebhookOwnedBy } from "../webhook/internal.ts";
import type { DeliveryRow } from "./claim.ts";

export type AttemptRow = typeof deliveryAttempts.$inferSelect;

/** A webhook's deliveries, newest first. `before` is the last id of the page before. */
export async function listDeliveries(
  ctx: TeamContext,
  webhookId: string,
  page: { limit: number; before: string | undefined; status: DeliveryStatus | undefined },
): Promise<DeliveryRow[]> {
  const { id } = await getWebhookOwnedBy(ctx, webhookId);
  return await ctx.db
    .select()
    .from(deliveries)
    .where(
      and(
        eq(deliveries.webhookId, id),
        page.before ? lt(deliveries.id, page.before) : undefined,
        page.status ? eq(deliveries.status, page.status) : undefined,
      ),
    )
    .orderBy(desc(deliveries.id))
    .limit(page.limit);
}

/** A delivery with what came of each attempt, the first first. @throws DomainError `delivery_not_found` */
export async function getDelivery(
  ctx: TeamContext,
  id: string,
): Promise<{ delivery: DeliveryRow; attempts: AttemptRow[] }> {
  const delivery = await getDeliveryOwnedBy(ctx, id);
  const attempts = await ctx.db
    .select()
    .from(deliveryAttempts)
    .where(eq(deliveryAttempts.deliveryId, delivery.id))
    .orderBy(asc(deliveryAttempts.attempt));
  return { delivery, attempts };
}

/** @throws DomainError `delivery_not_found` */
export async function getDeliveryOwnedBy(ctx: TeamContext, id: string): Promise<DeliveryRow> {
  const [row] = await ctx.db
    .select()
    .from(deliveries)
    .where(and(eq(deliveries.teamId, ctx.actor.teamId), eq(deliveries.id, id)));
  if (!row) throw new DomainError("delivery_not_found", `There is no delivery "${id}".`);
  return row;
}
