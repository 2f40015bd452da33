import { and, asc, eq, inArray, isNull, sql } from "drizzle-orm";
import type { Context } from "../../context.ts";
import type { Queryable, Transaction } from "../../database/client.ts";
import { type DeliveryStatus, webhooks } from "../../database/schema.ts";
import { disableWebhook } from "../webhook/disable.ts";
import { hintDeliveries } from "./enqueue.ts";
import { nextWait } from "./schedule.ts";
import type { Attempt } from "./send.ts";

/** A receiver that wants no more, ever. */
export const GONE = 410;
/** An endpoint that has failed for as long, without one success between, is turned off. */
const FAILING_MS = 5 * 24 * 60 * 60 * 1000;

/** What becomes of a delivery by an attempt. */
export interface Fate {
  attempt: Attempt;
  status: DeliveryStatus;
  nextAttemptAt: Date | null;
}

/**
 * Writes down what came of attempts: each as a row, the deliveries' states, and how the webhooks fare. Wakes a
 * consumer for when the next attempts are due.
 */
export async function recordAttempts(ctx: Context, attempts: readonly Attempt[]): Promise<Fate[]> {
  const now = ctx.now();
  const fates = attempts.map((attempt) => fateOf(attempt, now));
  // Nearly always all is well with the webhooks, and was before.
  if (attempts.every(({ webhook, error }) => error === null && webhook.failingSince === null)) {
    await writeFates(ctx.db, fates, now);
    return fates;
  }
  const told = await ctx.db.transaction(async (tx) => {
    await writeFates(tx, fates, now);
    return await recordHealth(tx, attempts, now);
  });
  await hintDeliveries(ctx, told);
  for (const { attempt, nextAttemptAt } of fates) {
    if (!nextAttemptAt) continue;
    const delaySeconds = Math.ceil((nextAttemptAt.getTime() - now.getTime()) / 1000);
    await hintDeliveries(ctx, [attempt.delivery.id], { delaySeconds });
  }
  return fates;
}

function fateOf(attempt: Attempt, now: Date): Fate {
  const { delivery, webhook, error, status, retryAfterMs } = attempt;
  if (error === null) return { attempt, status: "delivered", nextAttemptAt: null };
  const over = status === GONE || !webhook.enabled;
  const wait = over ? null : nextWait(delivery.attempts - delivery.attemptsBefore, retryAfterMs, Math.random());
  if (wait === null) return { attempt, status: "exhausted", nextAttemptAt: null };
  return { attempt, status: "pending", nextAttemptAt: new Date(now.getTime() + wait) };
}

/**
 * One statement for any number. An attempt whose lease ran out, so that another was made since, or whose delivery was
 * asked for again meanwhile, changes it only if it brought it home. A success ends its webhook's failing whatever was
 * known of that at the claim: a failure may have been written down since.
 */
async function writeFates(db: Queryable, fates: readonly Fate[], now: Date): Promise<void> {
  const rows = fates.map(({ attempt, status, nextAttemptAt }) => ({
    delivery_id: attempt.delivery.id,
    webhook_id: attempt.webhook.id,
    team_id: attempt.delivery.teamId,
    attempt: attempt.delivery.attempts,
    attempts_before: attempt.delivery.attemptsBefore,
    started_at: attempt.startedAt.toISOString(),
    latency_ms: attempt.latencyMs,
    status: attempt.status,
    answer: attempt.answer,
    error: attempt.error,
    fate: status,
    next_attempt_at: nextAttemptAt?.toISOString() ?? null,
  }));
  await db.execute(sql`
    with made as (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as made(
        delivery_id text, webhook_id text, team_id text, attempt int, attempts_before int, started_at timestamptz, latency_ms int, status int,
        answer text, error text, fate text, next_attempt_at timestamptz)
    ), kept as (
      update deliveries set
        status = made.fate, last_status = made.status, last_error = made.error,
        next_attempt_at = coalesce(made.next_attempt_at, deliveries.next_attempt_at),
        delivered_at = case when made.fate = 'delivered' then ${now.toISOString()}::timestamptz end
      from made
      where deliveries.id = made.delivery_id and deliveries.status <> 'delivered'
        and (deliveries.attempts = made.attempt and deliveries.attempts_before = made.attempts_before
          and deliveries.status = 'pending' or made.fate = 'delivered')
    ), failing as (
      select id from webhooks
      where id in (select webhook_id from made where error is null) and enabled and failing_since is not null
      order by id for update
    ), well as (
      update webhooks set failing_since = null where id in (select id from failing)
    )
    insert into delivery_attempts (delivery_id, attempt, team_id, started_at, latency_ms, status, answer, error)
    select m.delivery_id, m.attempt, m.team_id, m.started_at, m.latency_ms, m.status, m.answer, m.error
    from made m
    where exists (select from deliveries d where d.id = m.delivery_id)
    on conflict do nothing`);
}

/** How the webhooks fare by the last attempt of each. Returns the deliveries that tell of those turned off. */
async function recordHealth(tx: Transaction, attempts: readonly Attempt[], now: Date): Promise<string[]> {
  const last = new Map(attempts.filter(({ webhook }) => webhook.enabled).map((one) => [one.webhook.id, one]));
  const ids = [...last.keys()];
  if (ids.length === 0) return [];
  // Locked in one order: two consumers may write of the same webhooks.
  const rows = await tx
    .select()
    .from(webhooks)
    .where(inArray(webhooks.id, ids))
    .orderBy(asc(webhooks.id))
    .for("update");
  const told: string[] = [];
  for (const webhook of rows) {
    const attempt = last.get(webhook.id);
    if (!attempt || attempt.error === null || !webhook.enabled) continue;
    await tx
      .update(webhooks)
      .set({ failingSince: attempt.startedAt })
      .where(and(eq(webhooks.id, webhook.id), isNull(webhooks.failingSince)));
    const since = webhook.failingSince ?? attempt.startedAt;
    const reason = attempt.status === GONE ? "gone" : "failing";
    if (reason === "gone" || now.getTime() - since.getTime() >= FAILING_MS) {
      told.push(...(await disableWebhook(tx, { ...webhook, failingSince: since }, reason, now)));
    }
  }
  return told;
}
