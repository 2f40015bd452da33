import { Sha256 } from "../../artifacts/sha256.ts";
import type { Context } from "../../context.ts";
import { checkSafetensorsSize, parseSafetensorsHeader, safetensorsHeaderBytes } from "../../tensors/safetensors.ts";
import { checkAnnounced, formatDigest } from "../digest.ts";
import type { Progress, StoredObject } from "../upload/measure-object.ts";
import { readBack, readPiece } from "../upload/read-back.ts";
import { checkSplits } from "./check-splits.ts";
import { planSuite, refusing, SUITE_LIMITS, type SuitePlan } from "./plan-suite.ts";
import type { SuiteContents } from "./read-suite.ts";
import { suiteRefusal as refused } from "./refusal.ts";

const MIB = 1024 * 1024;
/**
 * What an upload may hold. The evaluator has some of its bytes at a time; each message goes through train and through
 * the split at hand once, and looks a block of it up in all of train, or as many as there is time for.
 */
export const MAX_STORED_SUITE_BYTES = 128 * MIB;
/** The audit keeps two numbers for each row of train, and one for each of the split at hand. */
export const MAX_SPLIT_ROWS = 1_000_000;
/** Targets of a split are held whole, decoded. */
export const MAX_TARGET_BYTES = 16 * MIB;
/** One row's inputs are read together, and fed to the model together. */
export const MAX_ROW_BYTES = 4 * MIB;

/**
 * Reads a stored suite back: its digest first, then split by split, each checked and audited block by block. Null where
 * `save` ended it: it goes on from what was saved.
 * @throws DomainError `invalid_suite`, `digest_mismatch`; StoreUnavailable
 */
export async function readStoredSuite(
  ctx: Pick<Context, "artifacts">,
  { objectKey, bytes, claimedDigest }: StoredObject & { claimedDigest: string | null },
  { from, stretchBytes, save }: Progress,
): Promise<SuiteContents | null> {
  const hash = new Sha256(from?.hash);
  let offset = from?.offset ?? 0;
  while (offset < bytes) {
    const end = Math.min(bytes, offset + stretchBytes);
    for await (const chunk of readBack(ctx, objectKey, offset, end)) hash.update(chunk);
    offset = end;
    if (!(await save({ offset, hash: hash.state(), tensors: [] }))) return null;
  }
  const state = { offset, hash: hash.state(), tensors: [] };
  // Before anything is said of the version: other bytes than were announced say nothing of it.
  checkAnnounced(claimedDigest, formatDigest(hash.digest()));

  const read = (start: number, end: number) => readPiece(ctx, objectKey, start, end);
  const prefix = await read(0, Math.min(8, bytes));
  const headBytes = refusing(() => safetensorsHeaderBytes(prefix, SUITE_LIMITS));
  const head = await read(0, Math.min(headBytes, bytes));
  const header = refusing(() => {
    const header = parseSafetensorsHeader(head, SUITE_LIMITS);
    checkSafetensorsSize(header.fileBytes, bytes);
    return header;
  });
  const plan = planSuite(header);
  checkLimits(plan);
  return await checkSplits(plan, read, {
    from: { checked: from?.suite?.checked ?? [], near: from?.suite?.near ?? null },
    save: (suite) => save({ ...state, suite }),
  });
}

function checkLimits({ splits }: SuitePlan): void {
  for (const { name, rows, target, mask, inputs } of splits) {
    if (rows > MAX_SPLIT_ROWS) {
      throw refused(
        `The split "${name}" has ${rows} rows; at most ${MAX_SPLIT_ROWS} are taken: a sample says as much.`,
      );
    }
    for (const tensor of [target, mask]) {
      if (!tensor || tensor.byteLength <= MAX_TARGET_BYTES) continue;
      throw refused(
        `"${tensor.name}" has ${tensor.byteLength} bytes; at most ${MAX_TARGET_BYTES} are taken: choose fewer rows, or a narrower type.`,
      );
    }
    const rowBytes = inputs.reduce((sum, { byteLength }) => sum + byteLength / rows, 0);
    if (rowBytes > MAX_ROW_BYTES) {
      throw refused(`A row of "${name}" has ${rowBytes} bytes of inputs; at most ${MAX_ROW_BYTES} are taken.`);
    }
  }
}
