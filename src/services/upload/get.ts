import { and, eq, ne } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { checkpoints, suites, suiteVersions, uploads } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import type { SuiteVersionRow } from "../suite/internal.ts";
import { asStoreFailure } from "./internal.ts";
import { EXPIRES_MS, lengthOfPart, partsOf, type UploadRow, URL_SECONDS } from "./parts.ts";

/** A part as its sender needs to know it. */
export interface UploadPart {
  number: number;
  /** Of the file: from this byte on, so many. */
  offset: number;
  bytes: number;
  stored: boolean;
  /** Where to PUT it; null once it is in. */
  url: string | null;
}

export interface UploadDetail {
  upload: UploadRow;
  /** Empty once they are joined. */
  parts: UploadPart[];
  /** What it became. */
  checkpoint: { id: string; digest: string } | null;
  /** The version that it is of, where it is of a suite and all of it is in. */
  suite: { name: string; version: string; status: SuiteVersionRow["status"] } | null;
}

/**
 * A team's presigned upload.
 * @throws DomainError `upload_not_found`: also of one that was given up, and of another team's
 */
export async function getUploadRow({ db, actor }: TeamContext, id: string): Promise<UploadRow> {
  const [row] = await db
    .select()
    .from(uploads)
    .where(and(eq(uploads.teamId, actor.teamId), eq(uploads.id, id), ne(uploads.status, "discarded")));
  if (!row?.partBytes) {
    throw new DomainError(
      "upload_not_found",
      `There is no upload "${id}", or no more: it was given up or has expired. Begin again with POST …/uploads.`,
    );
  }
  return { ...row, partBytes: row.partBytes };
}

/** An upload with what is in of it, and fresh addresses for what is not: asking keeps it from expiring. */
export async function getUpload(ctx: TeamContext, id: string): Promise<UploadDetail> {
  const upload = await getUploadRow(ctx, id);
  if (upload.status !== "receiving") {
    return { upload, parts: [], checkpoint: await findResult(ctx, upload), suite: await findVersion(ctx, upload) };
  }
  const expiresAt = new Date(ctx.now().getTime() + EXPIRES_MS);
  await ctx.db
    .update(uploads)
    .set({ expiresAt })
    .where(and(eq(uploads.id, id), eq(uploads.status, "receiving")));
  try {
    return {
      upload: { ...upload, expiresAt },
      parts: await listUploadParts(ctx, upload),
      checkpoint: null,
      suite: null,
    };
  } catch (error) {
    throw asStoreFailure(ctx, error, "try again");
  }
}

/** Every part of the file, and whether the store has it whole. */
export async function listUploadParts(ctx: TeamContext, upload: UploadRow): Promise<UploadPart[]> {
  const { objectKey: key, partBytes } = upload;
  const multipartId = upload.multipartId ?? "";
  const listed = new Map((await ctx.artifacts.listParts(key, multipartId))?.map((part) => [part.number, part]));
  return await Promise.all(
    Array.from({ length: partsOf(upload) }, async (_, n) => {
      const number = n + 1;
      const bytes = lengthOfPart(upload, number);
      const stored = listed.get(number)?.bytes === bytes;
      const url = stored ? null : await ctx.artifacts.presignPart({ key, multipartId, number, bytes }, URL_SECONDS);
      return { number, offset: n * partBytes, bytes, stored, url };
    }),
  );
}

async function findResult({ db }: TeamContext, { status, modelId, step, claimedDigest }: UploadRow) {
  if (status !== "complete" || modelId === null || step === null || claimedDigest === null) return null;
  const [row] = await db
    .select({ id: checkpoints.id })
    .from(checkpoints)
    .where(and(eq(checkpoints.modelId, modelId), eq(checkpoints.step, step), eq(checkpoints.digest, claimedDigest)));
  return row ? { ...row, digest: claimedDigest } : null;
}

async function findVersion({ db }: TeamContext, { suiteId, claimedDigest }: UploadRow) {
  if (suiteId === null || claimedDigest === null) return null;
  const [row] = await db
    .select({ name: suites.name, version: suiteVersions.version, status: suiteVersions.status })
    .from(suiteVersions)
    .innerJoin(suites, eq(suites.id, suiteVersions.suiteId))
    .where(and(eq(suiteVersions.suiteId, suiteId), eq(suiteVersions.version, claimedDigest)));
  return row ?? null;
}
