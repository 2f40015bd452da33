import { eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { webhooks } from "../../database/schema.ts";
import { newSecret } from "../delivery/sign.ts";
import { getWebhookOwnedBy } from "./internal.ts";

const OVERLAP_MS = 24 * 60 * 60 * 1000;
/** Of several rotations in a day, as many of the old ones sign on: each is a signature in the header. */
const MOST_RETIRED = 4;

export interface Rotation {
  /** Shown this once. */
  secret: string;
  /** Until then the one before it signs too. */
  previousUntil: Date;
}

/**
 * A new secret. For 24 hours deliveries carry signatures of both, so that a receiver can change over without losing
 * one.
 * @throws DomainError `webhook_not_found`
 */
export async function rotateSecret(ctx: TeamContext, webhookId: string): Promise<Rotation> {
  const { id } = await getWebhookOwnedBy(ctx, webhookId);
  const now = ctx.now();
  const secret = newSecret();
  const previousUntil = new Date(now.getTime() + OVERLAP_MS);
  await ctx.db.transaction(async (tx) => {
    // Held, so that of two rotations at once neither forgets the other's secret.
    const [row] = await tx.select().from(webhooks).where(eq(webhooks.id, id)).for("update");
    if (!row) return;
    const valid = row.retiredSecrets.filter(({ until }) => new Date(until) > now);
    const retiredSecrets = [{ secret: row.secret, until: previousUntil.toISOString() }, ...valid];
    await tx
      .update(webhooks)
      .set({ secret, retiredSecrets: retiredSecrets.slice(0, MOST_RETIRED) })
      .where(eq(webhooks.id, id));
  });
  return { secret, previousUntil };
}
