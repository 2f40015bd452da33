import { eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { teams, type WebhookFormat, webhooks } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { newId } from "../../ids.ts";
import type { EventType } from "../delivery/events.ts";
import { newSecret } from "../delivery/sign.ts";
import { checkWebhookUrl, type UrlRules } from "./check-url.ts";
import { type Filters, modelIds } from "./filters.ts";
import type { WebhookRow } from "./internal.ts";

/** The transaction that decides an event writes a row for each that subscribes: it must stay a short one. */
const MOST_OF_A_TEAM = 100;

export interface NewWebhook extends Filters {
  url: string;
  format: WebhookFormat;
  events: EventType[];
}

/**
 * Subscribes an address to events. The row's secret is shown to the caller once.
 * @throws DomainError `invalid_webhook`, `model_not_found`, `too_many_webhooks`
 */
export async function createWebhook(ctx: TeamContext, input: NewWebhook, urls: UrlRules): Promise<WebhookRow> {
  const { teamId } = ctx.actor;
  const url = await checkWebhookUrl(input.url, urls);
  const models = await modelIds(ctx, input.models);
  return await ctx.db.transaction(async (tx) => {
    // Held, so that two at once do not both take the last place.
    await tx.select({ id: teams.id }).from(teams).where(eq(teams.id, teamId)).for("no key update");
    if ((await tx.$count(webhooks, eq(webhooks.teamId, teamId))) >= MOST_OF_A_TEAM) {
      throw new DomainError(
        "too_many_webhooks",
        `A team may have ${MOST_OF_A_TEAM} webhooks: DELETE one that is not needed, or give one to several readers.`,
      );
    }
    const values = { ...input, id: newId("webhook"), teamId, url, models, secret: newSecret() };
    const [row] = await tx.insert(webhooks).values(values).returning();
    if (!row) throw new Error("the webhook was not inserted");
    return row;
  });
}
