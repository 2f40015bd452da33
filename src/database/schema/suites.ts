import { jsonb, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import type { SuiteAudit } from "../../evaluation/audit-types.ts";
import type { Scoring } from "../../evaluation/metrics.ts";
import { count, createdAt, id, time } from "./columns.ts";
import { teamId } from "./teams.ts";
import type { UploadProblem } from "./uploads.ts";

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
