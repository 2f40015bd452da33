import type { TeamContext } from "../../context.ts";
import { webhooks } from "../../database/schema.ts";
import { newId } from "../../ids.ts";
import type { EventType } from "../delivery/enqueue.ts";
import { newSecret } from "../delivery/sign.ts";
import { checkWebhookUrl } from "./check-url.ts";
import type { WebhookRow } from "./internal.ts";

/** Subscribes an address to events. The row's secret is shown to the caller once. */
export async function createWebhook(
  ctx: TeamContext,
  input: { url: string; events: EventType[]; allowLoopback: boolean },
): Promise<WebhookRow> {
  const url = checkWebhookUrl(input.url, input);
  const [row] = await ctx.db
    .insert(webhooks)
    .values({ id: newId("webhook"), teamId: ctx.actor.teamId, url, secret: newSecret(), events: input.events })
    .returning();
  if (!row) throw new Error("the webhook was not inserted");
  return row;
}
