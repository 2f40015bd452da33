import { sql } from "drizzle-orm";
import { doublePrecision, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import type { ClassCounts } from "../../evaluation/metrics.ts";
import { bytes } from "../bytes.ts";
import { checkpoints } from "./checkpoints.ts";
import { count, createdAt, id, time } from "./columns.ts";
import { models } from "./models.ts";
import { suiteVersions } from "./suites.ts";
import { teamId } from "./teams.ts";

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

/** Who measured an evaluation: we did, or somebody reported it. */
export type Provenance = "measured" | "reported";

export interface SplitCounts {
  correct: number;
  total: number;
  /** Mean loss (cross-entropy in nats, or squared error), null where it is not finite. */
  loss: number | null;
}
