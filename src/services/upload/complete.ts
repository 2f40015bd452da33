import { and, eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { uploads } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { openVersion } from "../suite/validating.ts";
import { getUpload, getUploadRow, type UploadDetail } from "./get.ts";
import { asStoreFailure, discardUpload, hintUpload } from "./internal.ts";
import { lengthOfPart, partsOf, type UploadRow } from "./parts.ts";

/**
 * Joins the parts and queues the reading back. Right also where it was done before, in part or in whole.
 * @throws DomainError `upload_incomplete`, with the parts that are missing; `upload_not_found`, `storage_unavailable`
 */
export async function completeUpload(ctx: TeamContext, id: string): Promise<UploadDetail> {
  const upload = await getUploadRow(ctx, id);
  if (upload.status === "receiving") {
    try {
      await joinAll(ctx, upload);
    } catch (error) {
      // A call at the same time may have joined them, and the object may even be read back and gone by now.
      const { status } = await getUploadRow(ctx, id);
      if (status !== "receiving") return await getUpload(ctx, id);
      if (error instanceof PartsGone) await discardUpload(ctx, upload);
      throw asStoreFailure(ctx, error, "the parts are kept, try again");
    }
    const hintedAt = ctx.now();
    const moved = await ctx.db.transaction(async (tx) => {
      const [row] = await tx
        .update(uploads)
        .set({ status: "verifying", hintedAt, multipartId: null })
        .where(and(eq(uploads.id, id), eq(uploads.status, "receiving")))
        .returning();
      if (row) await openVersion(tx, row);
      return row;
    });
    if (moved) await hintUpload(ctx, id);
  }
  return await getUpload(ctx, id);
}

class PartsGone extends DomainError {}

async function joinAll(ctx: TeamContext, upload: UploadRow): Promise<void> {
  const { objectKey, bytes } = upload;
  const multipartId = upload.multipartId ?? "";
  const listed = await ctx.artifacts.listParts(objectKey, multipartId);
  if (!listed) {
    // Either an earlier call joined them and died before it could say so, or the store has thrown them away.
    if ((await ctx.artifacts.size(objectKey)) === bytes) return;
    throw new PartsGone("upload_not_found", "The store has given the parts up: begin the upload again.");
  }
  const whole = new Map(
    listed.filter((part) => part.bytes === lengthOfPart(upload, part.number)).map((part) => [part.number, part]),
  );
  const numbers = Array.from({ length: partsOf(upload) }, (_, n) => n + 1);
  const missing = numbers.filter((number) => !whole.has(number));
  if (missing.length > 0) {
    throw new DomainError(
      "upload_incomplete",
      `${missing.length} of ${numbers.length} parts are not in: PUT them at the addresses that GET /uploads/${upload.id} gives.`,
      { missing },
    );
  }
  const parts = numbers.flatMap((number) => whole.get(number) ?? []);
  await ctx.artifacts.joinParts(objectKey, multipartId, parts, bytes);
  const size = await ctx.artifacts.size(objectKey);
  if (size !== bytes) throw new Error(`the store made ${size} bytes of parts of ${bytes}`);
}
