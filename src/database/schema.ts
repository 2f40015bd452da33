import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  doublePrecision,
  foreignKey,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import type { Sha256State } from "../artifacts/sha256.ts";
import type { ErrorCode } from "../errors.ts";
import type { SplitAudit, SuiteAudit } from "../evaluation/audit-types.ts";
import type { ClassCounts, Scoring } from "../evaluation/metrics.ts";
import type { FoldState, LayerStatistics, Policy, Transition, Verdict } from "../phases/judge.ts";
import type { Measurement, TensorStatistics } from "../tensors/meter.ts";
import { bytes } from "./bytes.ts";

/*
 * Every row belongs to one team and names it, so that every query can be scoped by the owner without a join.
 * Rows that refer to another carry the team in the foreign key's sight: services look up the parent by team first.
 */

const id = () => text("id").primaryKey();
const teamId = () =>
  text("team_id")
    .notNull()
    .references(() => teams.id, { onDelete: "cascade" });
const time = (name: string) => timestamp(name, { withTimezone: true });
const createdAt = () => time("created_at").notNull().defaultNow();
/** Steps and sizes exceed 32 bits and stay exact in a double. */
const count = (name: string) => bigint(name, { mode: "number" });

export const teams = pgTable("teams", {
  id: id(),
  name: text("name").notNull().unique(),
  createdAt: createdAt(),
});

export const keys = pgTable(
  "keys",
  {
    id: id(),
    teamId: teamId(),
    name: text("name").notNull(),
    scopes: text("scopes").array().notNull().$type<Scope[]>(),
    /** SHA-256 of the bearer token, hex. Tokens carry 256 random bits, so a plain hash cannot be guessed back. */
    tokenHash: text("token_hash").notNull(),
    /** The token's first characters, to recognise a key in a list. */
    hint: text("hint").notNull(),
    createdAt: createdAt(),
    revokedAt: time("revoked_at"),
  },
  // Every request looks its key up by the hash.
  (table) => [uniqueIndex("keys_token_hash").on(table.tokenHash), index("keys_team").on(table.teamId)],
);

/** A browser's sign-in: the cookie holds a random token, never the key. */
export const sessions = pgTable(
  "sessions",
  {
    id: id(),
    teamId: teamId(),
    keyId: text("key_id")
      .notNull()
      .references(() => keys.id, { onDelete: "cascade" }),
    tokenHash: text("token_hash").notNull(),
    createdAt: createdAt(),
    expiresAt: time("expires_at").notNull(),
  },
  (table) => [uniqueIndex("sessions_token_hash").on(table.tokenHash)],
);

export const suites = pgTable(
  "suites",
  { id: id(), teamId: teamId(), name: text("name").notNull(), createdAt: createdAt() },
  (table) => [uniqueIndex("suites_team_name").on(table.teamId, table.name)],
);

/** Immutable and content-addressed: the same bytes under the same name are the same version. */
export const suiteVersions = pgTable(
  "suite_versions",
  {
    id: id(),
    teamId: teamId(),
    suiteId: text("suite_id")
      .notNull()
      .references(() => suites.id, { onDelete: "cascade" }),
    /** `sha256:` and the hex digest of the file. */
    version: text("version").notNull(),
    status: text("status").notNull().$type<"validating" | "ready" | "refused">(),
    task: text("task").notNull(),
    /** The task with its options. */
    scoring: jsonb("scoring").notNull().default({ task: "classification", ignoreIndex: null }).$type<Scoring>(),
    output: text("output").notNull(),
    inputs: jsonb("inputs").notNull().$type<SuiteInput[]>(),
    splits: jsonb("splits").notNull().$type<SuiteSplit[]>(),
    /** Where each tensor lies in the object, so that a shard reads its rows alone. */
    tensors: jsonb("tensors").notNull().$type<SuiteTensor[]>(),
    /** Null of versions from before there was an audit. */
    audit: jsonb("audit").$type<SuiteAudit>(),
    /** Why it is refused. */
    problem: jsonb("problem").$type<UploadProblem>(),
    objectKey: text("object_key").notNull(),
    bytes: count("bytes").notNull(),
    createdAt: createdAt(),
    /** When it was last put: the version put last is the newest, also where it had been there before. */
    putAt: time("put_at").notNull().defaultNow(),
  },
  (table) => [uniqueIndex("suite_versions_suite_version").on(table.suiteId, table.version)],
);

export const models = pgTable(
  "models",
  {
    id: id(),
    teamId: teamId(),
    name: text("name").notNull(),
    suiteVersionId: text("suite_version_id")
      .notNull()
      .references(() => suiteVersions.id),
    tags: text("tags").array().notNull().default(sql`'{}'::text[]`),
    ensemble: text("ensemble"),
    policy: jsonb("policy").notNull().default({}).$type<ModelPolicy>(),
    /** Of a long run only each n-th checkpoint keeps its bytes; null: all of them do. */
    keepEvery: integer("keep_every"),
    /** When the sweep last dropped what `keepEvery` lets go. */
    thinnedAt: time("thinned_at"),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex("models_team_name").on(table.teamId, table.name),
    index("models_thinned").on(table.thinnedAt).where(sql`${table.keepEvery} is not null`),
  ],
);

/**
 * A model's move to another suite version. What stood at the move is evaluated there too, and judged when all of it is
 * in; a model that never moved has no row.
 */
export const pins = pgTable(
  "model_pins",
  {
    modelId: text("model_id")
      .notNull()
      .references(() => models.id, { onDelete: "cascade" }),
    suiteVersionId: text("suite_version_id")
      .notNull()
      .references(() => suiteVersions.id),
    teamId: teamId(),
    fromVersionId: text("from_version_id")
      .notNull()
      .references(() => suiteVersions.id),
    /** The last step that stood at the move; null where there was none. */
    throughStep: count("through_step"),
    pinnedAt: time("pinned_at").notNull(),
    /** When the last of them was queued. */
    backfilledAt: time("backfilled_at"),
    /** When all of them were evaluated or had failed, and were judged. */
    judgedAt: time("judged_at"),
    /** When an evaluator was last told to go on; null where the model left in the middle, and nobody need go on. */
    hintedAt: time("hinted_at"),
  },
  (table) => [
    primaryKey({ columns: [table.modelId, table.suiteVersionId] }),
    // The sweep looks for moves that a lost message left half done.
    index("model_pins_unfinished").on(table.hintedAt).where(sql`${table.backfilledAt} is null`),
  ],
);

/** Exists before the first byte does, until the artifact is verified. */
export const uploads = pgTable(
  "uploads",
  {
    id: id(),
    teamId: teamId(),
    modelId: text("model_id").references(() => models.id, { onDelete: "cascade" }),
    suiteId: text("suite_id").references(() => suites.id, { onDelete: "cascade" }),
    step: count("step"),
    objectKey: text("object_key").notNull(),
    bytes: count("bytes").notNull(),
    /**
     * `verifying`: the sender has joined the parts, and the object is being read back. `refused`: it was found unfit,
     * and `problem` says why. `discarded`: nothing points at the object any more, and the sweep deletes it.
     */
    status: text("status").notNull().$type<UploadStatus>(),
    /** The store's id of the multipart upload, where the object is made of parts. */
    multipartId: text("multipart_id"),
    /** Length of each part but the last, where the sender puts them at the store itself; else null. */
    partBytes: count("part_bytes"),
    /** `sha256:` and hex, where the sender claims one. */
    claimedDigest: text("claimed_digest"),
    /** How far the object was read back; json, for the state is large and only ever read whole. */
    verification: json("verification").$type<Verification>(),
    /** Counted before each attempt to read on, and set back by each that came further. */
    attempts: integer("attempts").notNull().default(0),
    leaseUntil: time("lease_until"),
    hintedAt: time("hinted_at"),
    problem: jsonb("problem").$type<UploadProblem>(),
    createdAt: createdAt(),
    expiresAt: time("expires_at").notNull(),
  },
  (table) => [
    // The sweep looks for uploads whose sender died; complete ones are never looked at again.
    index("uploads_unfinished").on(table.expiresAt).where(sql`${table.status} <> 'complete'`),
    index("uploads_verifying").on(table.hintedAt).where(sql`${table.status} = 'verifying'`),
  ],
);

/**
 * The verified bytes: one object per digest and team, and what was measured while they streamed in. The row outlives
 * the object for as long as a checkpoint names it: a trajectory keeps the norms of what is gone.
 */
export const artifacts = pgTable(
  "artifacts",
  {
    teamId: teamId(),
    /** `sha256:` and hex. */
    digest: text("digest").notNull(),
    /** Null once no checkpoint uses the bytes. */
    objectKey: text("object_key"),
    bytes: count("bytes").notNull(),
    format: text("format").notNull().$type<"onnx" | "safetensors">(),
    weightNorm: doublePrecision("weight_norm").notNull(),
    parameters: count("parameters").notNull(),
    measurement: jsonb("measurement").notNull().$type<Measurement>(),
    /** Weight matrices by name, with what their spectra say; null until an evaluator has read them. */
    layers: jsonb("layers").$type<Record<string, MatrixStatistics>>(),
    createdAt: createdAt(),
  },
  (table) => [primaryKey({ columns: [table.teamId, table.digest] })],
);

export const checkpoints = pgTable(
  "checkpoints",
  {
    id: id(),
    teamId: teamId(),
    modelId: text("model_id")
      .notNull()
      .references(() => models.id, { onDelete: "cascade" }),
    step: count("step").notNull(),
    /** Null of a step that was imported: there never were bytes. */
    digest: text("digest"),
    createdAt: createdAt(),
    /** Set when the step was deleted; the row stays as history. */
    supersededAt: time("superseded_at"),
    /** Set when the model's `keepEvery` let the bytes go; what was measured of them stays. */
    droppedAt: time("dropped_at"),
  },
  (table) => [
    // Decides the race of two uploads for one step.
    uniqueIndex("checkpoints_model_step").on(table.modelId, table.step).where(sql`${table.supersededAt} is null`),
    foreignKey({ columns: [table.teamId, table.digest], foreignColumns: [artifacts.teamId, artifacts.digest] }),
    // The revisions of a step.
    index("checkpoints_revisions").on(table.modelId, table.step, table.id),
    // Whether anything still uses an artifact.
    index("checkpoints_digest").on(table.teamId, table.digest),
  ],
);

/** One checkpoint on one suite version. The row is also its own outbox entry: queue messages only hint at it. */
export const evaluations = pgTable(
  "evaluations",
  {
    id: id(),
    teamId: teamId(),
    modelId: text("model_id")
      .notNull()
      .references(() => models.id, { onDelete: "cascade" }),
    checkpointId: text("checkpoint_id")
      .notNull()
      .references(() => checkpoints.id, { onDelete: "cascade" }),
    suiteVersionId: text("suite_version_id")
      .notNull()
      .references(() => suiteVersions.id),
    step: count("step").notNull(),
    status: text("status").notNull().$type<"queued" | "done" | "failed">(),
    failureCode: text("failure_code"),
    failureMessage: text("failure_message"),
    /** The shards' sums by split, once all are in: what the trajectory reads. */
    results: jsonb("results").$type<Record<string, SplitCounts>>(),
    /** `reported`: the results are what somebody told us; `source` says in what form. */
    provenance: text("provenance").notNull().default("measured").$type<Provenance>(),
    source: text("source"),
    /** L2 norm over all weights, where it came with a report and not with bytes. */
    weightNorm: doublePrecision("weight_norm"),
    createdAt: createdAt(),
    finishedAt: time("finished_at"),
    /** When a queue message was last sent for it; the sweep sends another when it grows old. */
    hintedAt: time("hinted_at").notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex("evaluations_checkpoint_suite").on(table.checkpointId, table.suiteVersionId),
    // The trajectory and the frontier read a model's evaluations in step order.
    index("evaluations_model_step").on(table.modelId, table.suiteVersionId, table.step),
    // Whether a verdict rests on what was reported.
    index("evaluations_reported")
      .on(table.modelId, table.suiteVersionId, table.step)
      .where(sql`${table.provenance} = 'reported'`),
    // Where the frontier is: the first step that is pending.
    index("evaluations_pending")
      .on(table.modelId, table.suiteVersionId, table.step)
      .where(sql`${table.status} = 'queued'`),
    index("evaluations_queued").on(table.hintedAt).where(sql`${table.status} = 'queued'`),
    // The metrics read the last hour.
    index("evaluations_finished").on(table.finishedAt).where(sql`${table.finishedAt} is not null`),
    // What waits, team by team: they take turns.
    index("evaluations_turns").on(table.teamId, table.createdAt).where(sql`${table.status} = 'queued'`),
  ],
);

/** A slice of a split that one message evaluates. */
export const shards = pgTable(
  "evaluation_shards",
  {
    evaluationId: text("evaluation_id")
      .notNull()
      .references(() => evaluations.id, { onDelete: "cascade" }),
    ordinal: integer("ordinal").notNull(),
    /** Shards of one unit are claimed and evaluated together. */
    unit: integer("unit").notNull(),
    teamId: teamId(),
    split: text("split").notNull(),
    firstRow: integer("first_row").notNull(),
    rows: integer("rows").notNull(),
    /** Counted before each attempt starts, so that a Worker that dies of a shard is counted too. */
    attempts: integer("attempts").notNull().default(0),
    leaseUntil: time("lease_until"),
    correct: integer("correct"),
    total: integer("total"),
    lossSum: doublePrecision("loss_sum"),
    /** A bit for each item, set where it is right; null of a split too large to keep them. */
    correctness: bytes("correctness"),
    /** Float64, little-endian (once float32): the losses of the split's blocks of rows that this shard lies in, as far as it does. */
    blockLosses: bytes("block_losses"),
    /** By class or label; null where there are too many. */
    classCounts: jsonb("class_counts").$type<ClassCounts>(),
    doneAt: time("done_at"),
  },
  (table) => [primaryKey({ columns: [table.evaluationId, table.ordinal] })],
);

/** The fold over a model's points up to its frontier. Locked by whoever moves it. */
export const judgements = pgTable(
  "judgements",
  {
    modelId: text("model_id")
      .notNull()
      .references(() => models.id, { onDelete: "cascade" }),
    suiteVersionId: text("suite_version_id")
      .notNull()
      .references(() => suiteVersions.id),
    detectorVersion: text("detector_version").notNull(),
    teamId: teamId(),
    /** What phases/ needs to take the next point; null before the first. json: its key order reaches the verdict. */
    foldState: json("fold_state").$type<FoldState>(),
    /** Step of the last folded point, and how many were folded; -1 once one below it is another: all are due again. */
    foldedStep: count("folded_step"),
    foldedPoints: integer("folded_points").notNull().default(0),
    /** json, not jsonb: the document keeps the order of its fields. */
    verdict: json("verdict").$type<StoredVerdict>(),
    updatedAt: time("updated_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.modelId, table.suiteVersionId, table.detectorVersion] })],
);

/** Append-only: what was said, when it was said. A transition keeps the id under which it was first announced. */
export const announcements = pgTable(
  "announcements",
  {
    modelId: text("model_id")
      .notNull()
      .references(() => models.id, { onDelete: "cascade" }),
    suiteVersionId: text("suite_version_id").notNull(),
    detectorVersion: text("detector_version").notNull(),
    /** Position in this judgement's ledger, from 1. */
    position: integer("position").notNull(),
    teamId: teamId(),
    type: text("type").notNull().$type<AnnouncementType>(),
    transitionId: text("transition_id").notNull(),
    transition: json("transition").notNull().$type<Transition>(),
    /** The step of the point whose arrival brought the announcement. */
    asOfStep: count("as_of_step").notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.modelId, table.suiteVersionId, table.detectorVersion, table.position] }),
    index("announcements_transition").on(table.transitionId),
  ],
);

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

/** Queue messages that failed as often as the queue allows. The rows they hint at say what is still to do. */
export const deadLetters = pgTable(
  "dead_letters",
  {
    id: id(),
    /** Of the row that the message names; null where there is none any more. */
    teamId: text("team_id").references(() => teams.id, { onDelete: "cascade" }),
    /** The queue's id of the message: one that is drained twice is one letter. */
    messageId: text("message_id").notNull(),
    body: jsonb("body").notNull().$type<unknown>(),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex("dead_letters_message").on(table.messageId),
    index("dead_letters_team").on(table.teamId, table.id),
  ],
);

/** What isolates have counted of requests, added up: of the deployment, for its operator, and of no team. */
export const requestCounts = pgTable(
  "request_counts",
  {
    method: text("method").notNull(),
    /** The route's pattern, so that there are no more rows than routes and statuses. */
    route: text("route").notNull(),
    status: integer("status").notNull(),
    seconds: doublePrecision("seconds").notNull(),
    /** How many took no longer than each of the bounds and longer than the one before; the last: than the last bound. */
    buckets: count("buckets").array().notNull(),
  },
  (table) => [primaryKey({ columns: [table.method, table.route, table.status] })],
);

/** A secret that signs beside its successor until then (RFC 3339). */
export interface RetiredSecret {
  secret: string;
  until: string;
}

/** What an admin sets for a model: the numbers of its verdict, and what its checkpoints may be. */
export interface ModelPolicy extends Policy {
  /** Subgraphs (If, Loop, Scan) within each other that a checkpoint may run; none by default. */
  controlFlowDepth?: number;
}

/** `slack`: the body is a message for a Slack-compatible incoming webhook. */
export type WebhookFormat = "standard" | "slack";
/** `gone`: the receiver answered 410. `failing`: it failed for days. `asked`: its team turned it off. */
export type DisabledReason = "gone" | "failing" | "asked";
/** `exhausted`: given up, kept, and sent again when asked for. */
export type DeliveryStatus = "pending" | "delivered" | "exhausted";
export type Scope = "read" | "push" | "admin";
export type UploadStatus = "receiving" | "verifying" | "complete" | "refused" | "discarded";

/** Why an upload was refused: the members of a problem document that are its own. */
export interface UploadProblem {
  code: ErrorCode;
  detail: string;
}

/** What reading an object back has found by `offset`, in bytes: enough to go on from there in another message. */
export interface Verification {
  /** Where an element begins. */
  offset: number;
  hash: Sha256State;
  /** Of the tensors before `offset`. The shape of one that goes on after it is the number of its elements so far. */
  tensors: readonly TensorStatistics[];
  /** Of a suite that is read whole: the splits that are checked, in their order, and how far the next one is. */
  suite?: {
    checked: { split: SuiteSplit; audit: SplitAudit }[];
    near: { rows: number; found: number } | null;
  };
}

export type AnnouncementType = "detected" | "settled" | "revised" | "retracted";

/** A model input that the suite feeds: the shape is one example's, without the batch axis. */
export interface SuiteInput {
  name: string;
  dtype: string;
  shape: number[];
}

export interface SuiteSplit {
  name: string;
  /** Length of the first axis. */
  rows: number;
  /** Targets: as many as rows, or more where each row has several. */
  total: number;
  /** Majority-class rate of the targets: what answering the commonest class scores. */
  chance: number;
}

export interface SuiteTensor {
  /** `<split>/<model input>` or `<split>/target`. */
  name: string;
  dtype: string;
  shape: number[];
  /** First byte in the object, and length in bytes. */
  offset: number;
  length: number;
}

/** Who measured an evaluation: we did, or somebody reported it. */
export type Provenance = "measured" | "reported";

export interface SplitCounts {
  correct: number;
  total: number;
  /** Mean loss (cross-entropy in nats, or squared error), null where it is not finite. */
  loss: number | null;
}

/** What is kept of a weight matrix: what a judgement reads of it, and what is shown besides. */
export interface MatrixStatistics extends LayerStatistics {
  /** Squared Frobenius norm over squared spectral norm. Absent of what was read before it was kept. */
  stableRank?: number | null;
}

/** The verdict as it was decided, its transitions under the ids of the ledger. */
export type StoredVerdict = Omit<Verdict, "transitions"> & { transitions: (Transition & { id: string })[] };
