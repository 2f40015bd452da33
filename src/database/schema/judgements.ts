import { index, integer, json, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import type { FoldState, Transition, Verdict } from "../../phases/judge.ts";
import { count, createdAt, time } from "./columns.ts";
import { models } from "./models.ts";
import { suiteVersions } from "./suites.ts";
import { teamId } from "./teams.ts";

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

export type AnnouncementType = "detected" | "settled" | "revised" | "retracted";

/** The verdict as it was decided, its transitions under the ids of the ledger. */
export type StoredVerdict = Omit<Verdict, "transitions"> & { transitions: (Transition & { id: string })[] };
