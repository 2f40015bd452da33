import { eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { uploads } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { dropVersion } from "../suite/validating.ts";
import { getUploadRow } from "./get.ts";
import { discardUpload, giveUp } from "./internal.ts";

/**
 * Gives an upload up, with its parts. @throws DomainError `upload_not_found`; `upload_ended` where it became a checkpoint or a version
 */
export async function abandonUpload(ctx: TeamContext, id: string): Promise<void> {
  const upload = await getUploadRow(ctx, id);
  if (upload.status === "refused") {
    await ctx.artifacts.delete(upload.objectKey);
    await ctx.db.delete(uploads).where(eq(uploads.id, id));
    return;
  }
  await ctx.db.transaction(async (tx) => {
    if (await giveUp(tx, upload)) await dropVersion(tx, upload);
  });
  await discardUpload(ctx, upload);
  const left = await getUploadRow(ctx, id).catch((error) => {
    if (error instanceof DomainError) return null;
    throw error;
  });
  if (left?.status === "complete" && left.suiteId !== null) {
    throw new DomainError("upload_ended", "The upload is a version of its suite by now: versions stay.");
  }
  if (left?.status === "complete") {
    throw new DomainError(
      "upload_ended",
      `The upload is the checkpoint at step ${left.step} by now: DELETE /models/${left.modelId}/checkpoints/${left.step} takes it out.`,
    );
  }
}
