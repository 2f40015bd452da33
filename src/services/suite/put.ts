import { eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import type { Queryable } from "../../database/client.ts";
import { suites } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { sha256 } from "../digest.ts";
import { asUploadFailure, closeUpload, discardUpload, openUpload } from "../upload/internal.ts";
import { ensureSuite, latestVersion, type NamedSuiteVersion, renewVersion, whyNoVersion } from "./internal.ts";
import { readSuite } from "./read-suite.ts";
import { keepVersion } from "./validating.ts";

/** A suite is read whole, to check every target: larger ones would not fit beside other requests, and are uploaded. */
export const MAX_SUITE_BYTES = 32 * 1024 * 1024;

export interface PutSuite {
  name: string;
  bytes: Uint8Array;
  /** `sha256:` and hex, where the request claims one. */
  claimedDigest: string | null;
  /** `If-None-Match: *`: only where the suite has no version yet. */
  onlyNew: boolean;
}

/**
 * Keeps a suite version. The same bytes under the same name are the same version, answer so, and are the newest again.
 * @throws DomainError `digest_mismatch`, `invalid_suite`, `precondition_failed`, `storage_unavailable`
 */
export async function putSuite(ctx: TeamContext, input: PutSuite): Promise<NamedSuiteVersion & { created: boolean }> {
  const { teamId } = ctx.actor;
  const version = await sha256(input.bytes);
  if (input.claimedDigest && input.claimedDigest !== version) {
    throw new DomainError(
      "digest_mismatch",
      `The body is ${version}; Content-Digest says ${input.claimedDigest}: send it again.`,
    );
  }
  const contents = await readSuite(input.bytes);
  if (input.onlyNew) await requireNew(ctx.db, teamId, input.name);

  const suite = await ensureSuite(ctx, input.name);
  const existing = await renewVersion(ctx.db, suite, version, contents.audit);
  if (existing) return { ...existing, created: false };

  const bytes = input.bytes.byteLength;
  const upload = await openUpload(ctx, { suiteId: suite.id, bytes });
  try {
    await ctx.artifacts.put(upload.objectKey, input.bytes);
    const created = await ctx.db.transaction(async (tx) => {
      if (input.onlyNew) {
        // Of two that must be new, the second finds the first.
        await tx.select().from(suites).where(eq(suites.id, suite.id)).for("update");
        await requireNew(tx, teamId, input.name);
      }
      const row = await keepVersion(
        tx,
        { teamId, suiteId: suite.id, version, objectKey: upload.objectKey, bytes },
        contents,
      );
      // Of two equal uploads at once one loses, and leaves its object to the sweep.
      await closeUpload(tx, upload, row ? "complete" : "discarded");
      return row;
    });
    if (created) return { name: input.name, version: created, created: true };
  } catch (error) {
    await discardUpload(ctx, upload, error);
    throw asUploadFailure(ctx, error);
  }
  const winner = await renewVersion(ctx.db, suite, version, contents.audit);
  if (!winner) throw new Error(`suite version ${version} vanished`);
  return { ...winner, created: false };
}

async function requireNew(db: Queryable, teamId: string, name: string): Promise<void> {
  if ((await latestVersion(db, teamId, name)) === null) return;
  throw new DomainError("precondition_failed", `The suite "${name}" is there already (If-None-Match: *).`);
}

/** A team's suite at its newest ready version. @throws DomainError `suite_not_found` */
export async function getSuite(ctx: TeamContext, name: string): Promise<NamedSuiteVersion> {
  const found = await latestVersion(ctx.db, ctx.actor.teamId, name);
  if (!found) throw new DomainError("suite_not_found", await whyNoVersion(ctx, name));
  return found;
}
