import type { Context } from "../../context.ts";
import type { UrlRules } from "../webhook/check-url.ts";
import { type Claimed, claimDue } from "./claim.ts";
import { hintDeliveries } from "./enqueue.ts";
import { recordAttempts } from "./record.ts";
import { type Attempt, sendDelivery } from "./send.ts";

/** A Worker may wait for six connections at once: these, the database's and a resolver's. */
const AT_ONCE = 4;
/** So that a receiver that hangs never holds all of them. */
const OF_TEAM_AT_ONCE = 3;
/** After this a consumer leaves the rest to another message: the platform bounds its time. */
const LONGEST_RUN_MS = 60_000;

export interface DeliveryTally {
  delivered: number;
  failed: number;
}

/**
 * Sends what is due, until nothing is. At least once: a crash after a send repeats it, under the same event id. Any
 * number of consumers may do so at the same time; a receiver that is slow holds up its own team's deliveries alone.
 */
export async function deliverDue(ctx: Context, urls: UrlRules): Promise<DeliveryTally> {
  const end = ctx.now().getTime() + LONGEST_RUN_MS;
  const tally = { delivered: 0, failed: 0 };
  const inHand = new Map<string, number>();
  const sending = new Set<Promise<void>>();
  let ended: Attempt[] = [];
  let last = "";
  const start = (claimed: Claimed) => {
    const { id, teamId } = claimed.delivery;
    last = id;
    inHand.set(teamId, (inHand.get(teamId) ?? 0) + 1);
    const send = sendDelivery(ctx, claimed, urls).then((attempt) => {
      ended.push(attempt);
      inHand.set(teamId, (inHand.get(teamId) ?? 1) - 1);
      sending.delete(send);
    });
    sending.add(send);
  };
  try {
    for (;;) {
      const open = AT_ONCE - sending.size;
      const late = ctx.now().getTime() > end;
      const turn = { most: open, mostOfTeam: OF_TEAM_AT_ONCE, inHand };
      const claimed = late || open === 0 ? [] : await claimDue(ctx, turn);
      claimed.forEach(start);
      if (sending.size === 0 && ended.length === 0) {
        if (late) await hintDeliveries(ctx, [last]);
        return tally;
      }
      if (ended.length === 0) await Promise.race(sending);
      const attempts = ended;
      ended = [];
      await record(ctx, attempts, tally);
    }
  } finally {
    // After a failure of the database: what is on its way is let come to its end, and is sent again by the lease.
    await Promise.all(sending);
  }
}

async function record(ctx: Context, attempts: readonly Attempt[], tally: DeliveryTally): Promise<void> {
  for (const { attempt, status: fate, nextAttemptAt } of await recordAttempts(ctx, attempts)) {
    const { delivery, status, latencyMs, error } = attempt;
    tally[fate === "delivered" ? "delivered" : "failed"] += 1;
    ctx.log(error === null ? "info" : "warn", "delivery.attempted", {
      deliveryId: delivery.id,
      eventId: delivery.eventId,
      eventType: delivery.eventType,
      webhookId: delivery.webhookId,
      attempt: delivery.attempts,
      fate,
      status,
      latencyMs,
      ...(error === null ? {} : { error, nextAttemptAt: nextAttemptAt?.toISOString() ?? null }),
    });
  }
}
