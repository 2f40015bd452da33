import { sql } from "drizzle-orm";
import { index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import type { Policy } from "../../phases/judge.ts";
import { count, createdAt, id, time } from "./columns.ts";
import { suiteVersions } from "./suites.ts";
import { teamId } from "./teams.ts";

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

/** What an admin sets for a model: the numbers of its verdict, and what its checkpoints may be. */
export interface ModelPolicy extends Policy {
  /** Subgraphs (If, Loop, Scan) within each other that a checkpoint may run; none by default. */
  controlFlowDepth?: number;
}
