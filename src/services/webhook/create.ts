import type { TeamContext } from "../../context.ts";
import { type WebhookFormat, webhooks } from "../../database/schema.ts";
import { newId } from "../../ids.ts";
import type { EventType } from "../delivery/events.ts";
import { newSecret } from "../delivery/sign.ts";
import { checkWebhookUrl, type UrlRules } from "./check-url.ts";
import { type Filters, modelIds } from "./filters.ts";
import type { WebhookRow } from "./internal.ts";

export interface NewWebhook extends Filters {
  url: string;
  format: WebhookFormat;
  events: EventType[];
}

/**
 * Subscribes an address to events. The row's secret is shown to the caller once.
 * @throws DomainError `invalid_webhook`, `model_not_found`
 */
export async function createWebhook(ctx: TeamContext, input: NewWebhook, urls: UrlRules): Promise<WebhookRow> {
  const url = await checkWebhookUrl(input.url, urls);
  const models = await modelIds(ctx, input.models);
  const [row] = await ctx.db
    .insert(webhooks)
    .values({ ...input, id: newId("webhook"), teamId: ctx.actor.teamId, url, models, secret: newSecret() })
    .returning();
  if (!row) throw new Error("the webhook was not inserted");
  return row;
}
