import { sql } from "drizzle-orm";
import { doublePrecision, foreignKey, index, jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import type { LayerStatistics } from "../../phases/judge.ts";
import type { Measurement } from "../../tensors/meter.ts";
import { count, createdAt, id, time } from "./columns.ts";
import { models } from "./models.ts";
import { teamId } from "./teams.ts";

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

/** What is kept of a weight matrix: what a judgement reads of it, and what is shown besides. */
export interface MatrixStatistics extends LayerStatistics {
  /** Squared Frobenius norm over squared spectral norm. Absent of what was read before it was kept. */
  stableRank?: number | null;
}
