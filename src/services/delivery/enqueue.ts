import { and, asc, eq } from "drizzle-orm";
import type { Context } from "../../context.ts";
import type { Queryable, Transaction } from "../../database/client.ts";
import { deliveries, webhooks } from "../../database/schema.ts";
import { newId } from "../../ids.ts";
import type { Subject } from "../judgement/points.ts";
import { type About, type EventType, eventBody, type ModelEvent, type TeamEvent } from "./events.ts";

type WebhookRow = typeof webhooks.$inferSelect;

/** One statement's parameters are bounded. */
const ROWS_A_STATEMENT = 1_000;
/** A queue holds a message back for twelve hours at most. */
const LONGEST_DELAY_SECONDS = 12 * 60 * 60;
/** A consumer that is awake goes on until nothing is due: more messages only wake more of them. */
const MAX_HINTS = 4;

/**
 * Writes the outbox rows of events about a model, one for each webhook of the team that subscribes, inside the
 * deciding transaction. The event's id is the same for every subscriber. Returns what to hint at after the commit.
 */
export async function enqueueEvents(
  tx: Transaction,
  subject: Subject,
  events: readonly ModelEvent[],
  now: Date,
): Promise<string[]> {
  if (events.length === 0) return [];
  const enabled = await enabledWebhooks(tx, subject.teamId);
  const ids: string[] = [];
  for (const event of events) {
    const subscribed = enabled.filter((webhook) => wants(webhook, event.type, subject));
    const about = { modelId: subject.modelId, model: subject.modelName, suite: subject.suite };
    ids.push(...(await insertDeliveries(tx, subscribed, event, about, now)));
  }
  return ids;
}

/** The same of an event that is about no model: filters by model do not keep it away. */
export async function enqueueTeamEvent(
  tx: Transaction,
  teamId: string,
  event: TeamEvent,
  now: Date,
): Promise<string[]> {
  const subscribed = (await enabledWebhooks(tx, teamId)).filter(({ events }) => events.includes(event.type));
  return await insertDeliveries(tx, subscribed, event, null, now);
}

async function enabledWebhooks(tx: Transaction, teamId: string): Promise<WebhookRow[]> {
  return await tx
    .select()
    .from(webhooks)
    .where(and(eq(webhooks.teamId, teamId), eq(webhooks.enabled, true)))
    .orderBy(asc(webhooks.id));
}

/** Whether a webhook's filters let an event through: each that is not empty must hold. */
export function wants(
  { events, models, tags, ensembles }: Pick<WebhookRow, "events" | "models" | "tags" | "ensembles">,
  type: EventType,
  subject: Pick<Subject, "modelId" | "tags" | "ensemble">,
): boolean {
  return (
    events.includes(type) &&
    (models.length === 0 || models.includes(subject.modelId)) &&
    (tags.length === 0 || tags.some((tag) => subject.tags.includes(tag))) &&
    (ensembles.length === 0 || (subject.ensemble !== null && ensembles.includes(subject.ensemble)))
  );
}

/** Rows of one event for these webhooks, each in its own format. */
export async function insertDeliveries(
  db: Queryable,
  to: readonly WebhookRow[],
  event: ModelEvent | TeamEvent,
  about: About | null,
  now: Date,
): Promise<string[]> {
  const eventId = newId("event");
  const rows = to.map(({ id: webhookId, teamId, format }) => ({
    id: newId("delivery"),
    teamId,
    webhookId,
    eventId,
    eventType: event.type,
    body: eventBody(event, about, now, format),
    status: "pending" as const,
    nextAttemptAt: now,
  }));
  for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) {
    await db.insert(deliveries).values(rows.slice(at, at + ROWS_A_STATEMENT));
  }
  return rows.map(({ id }) => id);
}

/** Wakes delivery consumers, perhaps later. What is due when no message can be is found by the sweep, as a lost one is. */
export async function hintDeliveries(
  ctx: Context,
  deliveryIds: readonly string[],
  options: { delaySeconds?: number } = {},
): Promise<void> {
  if ((options.delaySeconds ?? 0) > LONGEST_DELAY_SECONDS) return;
  try {
    const hints = deliveryIds.slice(0, MAX_HINTS);
    await Promise.all(hints.map((deliveryId) => ctx.queues.deliveries.send({ deliveryId }, options)));
  } catch (error) {
    ctx.log("warn", "hint.lost", { cause: String(error) });
  }
}
