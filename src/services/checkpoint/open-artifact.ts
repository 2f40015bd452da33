import type { TeamContext } from "../../context.ts";
import { DomainError } from "../../errors.ts";
import type { PinnedModel } from "../model/internal.ts";
import { asStoreFailure } from "../upload/internal.ts";
import { getCheckpoint } from "./get.ts";

/** A file as it is kept. */
export interface KeptArtifact {
  /** `sha256:` and hex, of the whole file. */
  digest: string;
  /** Of the whole file. */
  bytes: number;
  /** What is asked of it: inclusive of `from`, exclusive of `to`. */
  range: { from: number; to: number };
  objectKey: string;
}

/** What a request wants of a file: from a byte on, and up to one (inclusive) or to the end. */
export interface WantedRange {
  first: number;
  last: number | null;
}

/**
 * The file that was pushed at a step. Where it does not have the wanted range, that is the whole of it.
 * @throws DomainError `checkpoint_not_found`; `artifact_gone` where the model's `keepEvery` let the bytes go
 */
export async function findArtifact(
  ctx: TeamContext,
  model: PinnedModel,
  step: number,
  wanted: WantedRange | null,
): Promise<KeptArtifact> {
  const { artifact } = await getCheckpoint(ctx, model, { step });
  if (!artifact) {
    throw new DomainError("artifact_gone", `Step ${step} was imported with its results: it never had bytes here.`);
  }
  const { digest, bytes, objectKey } = artifact;
  if (objectKey === null) {
    throw new DomainError(
      "artifact_gone",
      `"${model.name}" keeps the bytes of every ${model.keepEvery}th checkpoint (keepEvery), and step ${step} is none of them. What was measured of it is kept; push the step again to have its bytes back.`,
    );
  }
  const to = wanted === null || wanted.last === null ? bytes : Math.min(bytes, wanted.last + 1);
  const range = wanted && wanted.first < to ? { from: wanted.first, to } : { from: 0, to: bytes };
  return { digest, bytes, range, objectKey };
}

/** The same with its bytes as they pass by. @throws DomainError as `findArtifact`; `storage_unavailable` */
export async function openArtifact(
  ctx: TeamContext,
  model: PinnedModel,
  step: number,
  wanted: WantedRange | null,
): Promise<KeptArtifact & { body: ReadableStream<Uint8Array> }> {
  const found = await findArtifact(ctx, model, step, wanted);
  const { objectKey, range } = found;
  const body = await ctx.artifacts.open(objectKey, range).catch((error) => {
    throw asStoreFailure(ctx, error, "try again");
  });
  if (body) return { ...found, body };
  // Deleted since the row was read: by now the row says so, or names other bytes.
  const { objectKey: now } = await findArtifact(ctx, model, step, wanted);
  if (now === objectKey) throw new Error(`the artifact ${objectKey} is not in the store`);
  return await openArtifact(ctx, model, step, wanted);
}
