import { sql } from "drizzle-orm";
import { boolean, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { createdAt, id, time } from "./columns.ts";
import { teamId } from "./teams.ts";

export const webhooks = pgTable(
  "webhooks",
  {
    id: id(),
    teamId: teamId(),
    url: text("url").notNull(),
    /** `whsec_` and base64: signing needs it back, so it is not hashed. Shown once. */
    secret: text("secret").notNull(),
    /** Those before it that still sign, after a rotation. */
    retiredSecrets: jsonb("retired_secrets").notNull().default([]).$type<RetiredSecret[]>(),
    format: text("format").notNull().default("standard").$type<WebhookFormat>(),
    events: text("events").array().notNull(),
    /** Ids of models, and tags and ensembles of models; an empty list leaves none out. */
    models: text("models").array().notNull().default(sql`'{}'::text[]`),
    tags: text("tags").array().notNull().default(sql`'{}'::text[]`),
    ensembles: text("ensembles").array().notNull().default(sql`'{}'::text[]`),
    enabled: boolean("enabled").notNull().default(true),
    /** Of one that is not enabled. */
    disabledReason: text("disabled_reason").$type<DisabledReason>(),
    /** Of its first failure after the last success. */
    failingSince: time("failing_since"),
    createdAt: createdAt(),
  },
  (table) => [index("webhooks_team").on(table.teamId)],
);

/** The outbox of events, one row per subscribed webhook, written in the transaction that decides the event. */
export const deliveries = pgTable(
  "deliveries",
  {
    id: id(),
    teamId: teamId(),
    webhookId: text("webhook_id")
      .notNull()
      .references(() => webhooks.id, { onDelete: "cascade" }),
    /** The `webhook-id` header: the same for every subscriber and every attempt. */
    eventId: text("event_id").notNull(),
    eventType: text("event_type").notNull(),
    /** The exact body to sign and send. */
    body: text("body").notNull(),
    status: text("status").notNull().$type<DeliveryStatus>(),
    /** Counted before each attempt starts. */
    attempts: integer("attempts").notNull().default(0),
    /** Those made before it was last asked for again: the schedule starts anew after them. */
    attemptsBefore: integer("attempts_before").notNull().default(0),
    nextAttemptAt: time("next_attempt_at").notNull().defaultNow(),
    lastStatus: integer("last_status"),
    lastError: text("last_error"),
    deliveredAt: time("delivered_at"),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex("deliveries_webhook_event").on(table.webhookId, table.eventId),
    // What is due, oldest first, whatever else is kept.
    index("deliveries_pending").on(table.nextAttemptAt).where(sql`${table.status} = 'pending'`),
    // The same team by team: they take turns.
    index("deliveries_turns").on(table.teamId, table.nextAttemptAt).where(sql`${table.status} = 'pending'`),
    // A webhook's list, newest first.
    index("deliveries_webhook").on(table.webhookId, table.id),
  ],
);

/** What came of each attempt that came to an end. */
export const deliveryAttempts = pgTable(
  "delivery_attempts",
  {
    deliveryId: text("delivery_id")
      .notNull()
      .references(() => deliveries.id, { onDelete: "cascade" }),
    /** From 1. */
    attempt: integer("attempt").notNull(),
    teamId: teamId(),
    startedAt: time("started_at").notNull(),
    /** Milliseconds until the answer, or until there was to be none. */
    latencyMs: integer("latency_ms").notNull(),
    /** Null without an answer. */
    status: integer("status"),
    /** The first of the answer's body. */
    answer: text("answer"),
    error: text("error"),
  },
  (table) => [
    primaryKey({ columns: [table.deliveryId, table.attempt] }),
    // The metrics read the last hour.
    index("delivery_attempts_started").on(table.startedAt),
  ],
);

/** A secret that signs beside its successor until then (RFC 3339). */
export interface RetiredSecret {
  secret: string;
  until: string;
}

/** `slack`: the body is a message for a Slack-compatible incoming webhook. */
export type WebhookFormat = "standard" | "slack";

/** `gone`: the receiver answered 410. `failing`: it failed for days. `asked`: its team turned it off. */
export type DisabledReason = "gone" | "failing" | "asked";

/** `exhausted`: given up, kept, and sent again when asked for. */
export type DeliveryStatus = "pending" | "delivered" | "exhausted";
