import { eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { webhooks } from "../../database/schema.ts";
import { checkWebhookUrl, type UrlRules } from "./check-url.ts";
import type { NewWebhook } from "./create.ts";
import { disableWebhook } from "./disable.ts";
import { modelIds } from "./filters.ts";
import { getWebhookOwnedBy, type WebhookRow } from "./internal.ts";

/** What is left out stays as it is. */
export type WebhookChange = { [Field in keyof NewWebhook]?: NewWebhook[Field] | undefined } & {
  enabled?: boolean | undefined;
};

/**
 * Changes a webhook. One that was turned off starts anew when it is enabled; what was exhausted meanwhile is sent
 * again only when asked for.
 * @throws DomainError `webhook_not_found`, `invalid_webhook`, `model_not_found`
 */
export async function updateWebhook(
  ctx: TeamContext,
  id: string,
  { enabled, url, models, ...rest }: WebhookChange,
  urls: UrlRules,
): Promise<WebhookRow> {
  const webhook = await getWebhookOwnedBy(ctx, id);
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const values = {
    ...given,
    ...(url === undefined ? {} : { url: await checkWebhookUrl(url, urls) }),
    ...(models === undefined ? {} : { models: await modelIds(ctx, models) }),
    ...(enabled ? { enabled, disabledReason: null } : {}),
    ...(enabled && !webhook.enabled ? { failingSince: null } : {}),
  };
  await ctx.db.transaction(async (tx) => {
    if (Object.keys(values).length > 0) await tx.update(webhooks).set(values).where(eq(webhooks.id, webhook.id));
    if (enabled === false) await disableWebhook(tx, webhook, "asked", ctx.now());
  });
  return await getWebhookOwnedBy(ctx, id);
}
