import type { TeamContext } from "../../context.ts";
import { DomainError } from "../../errors.ts";
import { hintDeliveries, insertDeliveries } from "../delivery/enqueue.ts";
import { getWebhookOwnedBy } from "./internal.ts";

/**
 * Sends a `ping` to one webhook through the same outbox as every event.
 * @throws DomainError `webhook_not_found`, `webhook_disabled`
 */
export async function pingWebhook(ctx: TeamContext, webhookId: string): Promise<{ deliveryId: string }> {
  const webhook = await getWebhookOwnedBy(ctx, webhookId);
  if (!webhook.enabled) throw webhookDisabled(webhook.id);
  const ping = { type: "ping" as const, data: { webhookId: webhook.id } };
  const [deliveryId] = await insertDeliveries(ctx.db, [webhook], ping, null, ctx.now());
  if (!deliveryId) throw new Error("the ping was not inserted");
  await hintDeliveries(ctx, [deliveryId]);
  return { deliveryId };
}

export function webhookDisabled(id: string): DomainError {
  return new DomainError("webhook_disabled", `The webhook "${id}" is disabled: PATCH {"enabled": true} first.`);
}
