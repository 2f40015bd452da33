import { and, eq, sql } from "drizzle-orm";
import type { Context } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { deliveries, webhooks } from "../../database/schema.ts";
import { newId } from "../../ids.ts";
import type { Subject } from "../judgement/points.ts";

export const EVENT_TYPES = ["transition.detected", "transition.revised", "verdict.changed", "ping"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface NewEvent {
  type: EventType;
  /** Joined with the model's and suite's names into the payload's `data`. */
  data: Record<string, unknown>;
}

/**
 * Writes the outbox rows of events, one for each enabled webhook of the team that subscribes, inside the deciding
 * transaction. The event's id is the same for every subscriber. Returns the deliveries to hint at after the commit.
 */
export async function enqueueEvents(
  tx: Transaction,
  subject: Subject,
  events: readonly NewEvent[],
  now: Date,
): Promise<string[]> {
  const ids: string[] = [];
  for (const event of events) {
    const subscribed = await tx
      .select({ id: webhooks.id })
      .from(webhooks)
      .where(
        and(
          eq(webhooks.teamId, subject.teamId),
          eq(webhooks.enabled, true),
          sql`${event.type} = any(${webhooks.events})`,
        ),
      );
    if (subscribed.length === 0) continue;
    const { modelId, modelName, suite } = subject;
    const body = eventBody(event.type, { modelId, model: modelName, suite, ...event.data }, now);
    const eventId = newId("event");
    const rows = subscribed.map(({ id: webhookId }) => ({
      id: newId("delivery"),
      teamId: subject.teamId,
      webhookId,
      eventId,
      eventType: event.type,
      body,
      status: "pending" as const,
      nextAttemptAt: now,
    }));
    await tx.insert(deliveries).values(rows);
    ids.push(...rows.map(({ id }) => id));
  }
  return ids;
}

/** The exact bytes to sign and send (Standard Webhooks 1.0: type, timestamp, data). */
export function eventBody(type: EventType, data: Record<string, unknown>, now: Date): string {
  return JSON.stringify({ type, timestamp: now.toISOString(), data });
}

/** Wakes the delivery consumer. A lost message is found by the sweep. */
export async function hintDeliveries(ctx: Context, deliveryIds: readonly string[]): Promise<void> {
  try {
    await Promise.all(deliveryIds.map((deliveryId) => ctx.queues.deliveries.send({ deliveryId })));
  } catch (error) {
    ctx.log("warn", "hint.lost", { cause: String(error) });
  }
}
