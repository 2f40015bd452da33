import { and, eq, ne, sql } from "drizzle-orm";
import type { Context } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { suites, suiteVersions, type UploadProblem, type uploads } from "../../database/schema.ts";
import { newId } from "../../ids.ts";
import { closeUpload, deleteDiscarded, discardObject, type Upload } from "../upload/internal.ts";
import { renewVersion } from "./internal.ts";
import type { SuiteContents } from "./read-suite.ts";

type UploadRow = typeof uploads.$inferSelect;

/** What a version says before its file is read. */
const UNREAD = { task: "", output: "", inputs: [], splits: [], tensors: [] };

/** Shows the version that an upload claims to be, as `validating`; one that is ready stays so. */
export async function openVersion(tx: Transaction, upload: UploadRow): Promise<void> {
  const { teamId, suiteId, objectKey, bytes, claimedDigest } = upload;
  if (suiteId === null || claimedDigest === null) return;
  const own = { objectKey, bytes, status: "validating" as const, problem: null };
  await tx
    .insert(suiteVersions)
    .values({ ...UNREAD, ...own, id: newId("suiteVersion"), teamId, suiteId, version: claimedDigest })
    .onConflictDoUpdate({
      target: [suiteVersions.suiteId, suiteVersions.version],
      set: own,
      // Refused before, for another reason than its bytes perhaps: it is read again.
      setWhere: eq(suiteVersions.status, "refused"),
    });
}

/** Makes the version ready; the same bytes a second time are the same version, and their object is deleted. */
export async function finishVersion(ctx: Context, upload: UploadRow, contents: SuiteContents): Promise<void> {
  const spare = await ctx.db.transaction((tx) => settleVersion(tx, upload, contents));
  if (spare) await deleteDiscarded(ctx, spare);
}

async function settleVersion(tx: Transaction, upload: UploadRow, contents: SuiteContents): Promise<Upload | null> {
  const { teamId, objectKey, bytes, claimedDigest: version } = upload;
  const [suite] = await tx
    .select()
    .from(suites)
    .where(eq(suites.id, upload.suiteId ?? ""));
  if (!suite || version === null) throw new Error(`the upload ${upload.id} is of no suite`);
  await closeUpload(tx, upload, "complete");
  const kept = await keepVersion(tx, { teamId, suiteId: suite.id, version, objectKey, bytes }, contents);
  if (kept) return null;
  await renewVersion(tx, suite, version, contents.audit);
  return await discardObject(tx, teamId, { objectKey, bytes });
}

/** Writes a ready version; null where it is ready already, with an object of its own. */
export async function keepVersion(
  tx: Transaction,
  own: { teamId: string; suiteId: string; version: string; objectKey: string; bytes: number },
  contents: SuiteContents,
) {
  const { objectKey, bytes } = own;
  const [row] = await tx
    .insert(suiteVersions)
    .values({ ...own, ...contents, id: newId("suiteVersion"), status: "ready" })
    .onConflictDoUpdate({
      target: [suiteVersions.suiteId, suiteVersions.version],
      set: { ...contents, objectKey, bytes, status: "ready", problem: null, putAt: sql`now()` },
      setWhere: ne(suiteVersions.status, "ready"),
    })
    .returning();
  return row ?? null;
}

/** Says why an upload is no version. Of other bytes than were announced, nothing is known of those that were. */
export async function refuseVersion(tx: Transaction, upload: UploadRow, problem: UploadProblem): Promise<void> {
  if (upload.suiteId === null) return;
  if (problem.code === "digest_mismatch") return await dropVersion(tx, upload);
  await tx.update(suiteVersions).set({ status: "refused", problem }).where(validatingOf(upload));
}

/** Of an upload that was given up while it was read. */
export async function dropVersion(tx: Transaction, upload: UploadRow): Promise<void> {
  if (upload.suiteId !== null) await tx.delete(suiteVersions).where(validatingOf(upload));
}

const validatingOf = ({ objectKey }: UploadRow) =>
  and(eq(suiteVersions.objectKey, objectKey), eq(suiteVersions.status, "validating"));
