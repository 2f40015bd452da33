import type { TeamContext } from "../../context.ts";
import { DomainError } from "../../errors.ts";
import { sha256 } from "../digest.ts";
import { asUploadFailure, closeUpload, discardUpload, openUpload } from "../upload/internal.ts";
import { ensureSuite, latestVersion, type NamedSuiteVersion, renewVersion } from "./internal.ts";
import { readSuite } from "./read-suite.ts";
import { keepVersion } from "./validating.ts";

/** A suite is read whole, to check every target: larger ones would not fit beside other requests, and are uploaded. */
export const MAX_SUITE_BYTES = 32 * 1024 * 1024;

/**
 * Keeps a suite version. The same bytes under the same name are the same version, answer so, and are the newest again.
 * @throws DomainError `invalid_suite`, `storage_unavailable`
 */
export async function putSuite(
  ctx: TeamContext,
  input: { name: string; bytes: Uint8Array },
): Promise<NamedSuiteVersion & { created: boolean }> {
  const { teamId } = ctx.actor;
  const contents = await readSuite(input.bytes);
  const version = await sha256(input.bytes);

  const suite = await ensureSuite(ctx, input.name);
  const existing = await renewVersion(ctx.db, suite, version, contents.audit);
  if (existing) return { ...existing, created: false };

  const bytes = input.bytes.byteLength;
  const upload = await openUpload(ctx, { suiteId: suite.id, bytes });
  try {
    await ctx.artifacts.put(upload.objectKey, input.bytes);
    const created = await ctx.db.transaction(async (tx) => {
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

/** A team's suite at its newest ready version. */
export async function getSuite(ctx: TeamContext, name: string): Promise<NamedSuiteVersion> {
  const found = await latestVersion(ctx.db, ctx.actor.teamId, name);
  if (!found) throw new DomainError("suite_not_found", `There is no suite "${name}". PUT /suites/${name} makes it.`);
  return found;
}
