import { and, eq } from "drizzle-orm";
import type { Transaction } from "../../database/client.ts";
import { type DisabledReason, deliveries, webhooks } from "../../database/schema.ts";
import { enqueueTeamEvent } from "../delivery/enqueue.ts";
import type { WebhookRow } from "./internal.ts";

/**
 * Turns a webhook off. What is pending for it is exhausted: kept, and sent again when asked for. The team's other
 * webhooks are told, unless the team itself asked for it. Returns the deliveries to hint at after the commit.
 */
export async function disableWebhook(
  tx: Transaction,
  webhook: WebhookRow,
  reason: DisabledReason,
  now: Date,
): Promise<string[]> {
  const turnedOff = await tx
    .update(webhooks)
    .set({ enabled: false, disabledReason: reason })
    .where(and(eq(webhooks.id, webhook.id), eq(webhooks.enabled, true)))
    .returning({ id: webhooks.id });
  if (turnedOff.length === 0) return [];
  await tx
    .update(deliveries)
    .set({ status: "exhausted", lastError: "the webhook was disabled" })
    .where(and(eq(deliveries.webhookId, webhook.id), eq(deliveries.status, "pending")));
  if (reason === "asked") return [];
  // The address may carry a secret in its path, as Slack's do: the host is enough to know it by.
  const data = {
    webhookId: webhook.id,
    host: new URL(webhook.url).host,
    reason,
    since: webhook.failingSince?.toISOString() ?? null,
  };
  return await enqueueTeamEvent(tx, webhook.teamId, { type: "webhook.disabled", data }, now);
}
