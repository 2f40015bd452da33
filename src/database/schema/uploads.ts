import { sql } from "drizzle-orm";
import { index, integer, json, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import type { Sha256State } from "../../artifacts/sha256.ts";
import type { ErrorCode } from "../../errors.ts";
import type { SplitAudit } from "../../evaluation/audit-types.ts";
import type { TensorStatistics } from "../../tensors/meter.ts";
import { count, createdAt, id, time } from "./columns.ts";
import { models } from "./models.ts";
import { type SuiteSplit, suites } from "./suites.ts";
import { teamId } from "./teams.ts";

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
