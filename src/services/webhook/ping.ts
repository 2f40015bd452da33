import type { TeamContext } from "../../context.ts";
import { deliveries } from "../../database/schema.ts";
import { newId } from "../../ids.ts";
import { eventBody, hintDeliveries } from "../delivery/enqueue.ts";
import { getWebhookOwnedBy } from "./internal.ts";

/** Sends a `ping` to one webhook through the same outbox as every event. */
export async function pingWebhook(ctx: TeamContext, webhookId: string): Promise<{ deliveryId: string }> {
  const { id, teamId } = await getWebhookOwnedBy(ctx, webhookId);
  const deliveryId = newId("delivery");
  const now = ctx.now();
  await ctx.db.insert(deliveries).values({
    id: deliveryId,
    teamId,
    webhookId: id,
    eventId: newId("event"),
    eventType: "ping",
    body: eventBody("ping", { webhookId: id }, now),
    status: "pending",
    nextAttemptAt: now,
  });
  await hintDeliveries(ctx, [deliveryId]);
  return { deliveryId };
}
