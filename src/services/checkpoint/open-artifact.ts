import type { TeamContext } from "../../context.ts";
import { DomainError } from "../../errors.ts";
import type { PinnedModel } from "../model/internal.ts";
import { asStoreFailure } from "../upload/internal.ts";
import { getCheckpoint } from "./get.ts";

/** The bytes of a checkpoint as they pass by. */
export interface OpenArtifact {
  /** `sha256:` and hex, of the whole file. */
  digest: string;
  /** Of the whole file. */
  bytes: number;
  /** What `body` is of it: inclusive of `from`, exclusive of `to`. */
  range: { from: number; to: number };
  body: ReadableStream<Uint8Array>;
}

/** What a request wants of a file: from a byte on, and up to one (inclusive) or to the end. */
export interface WantedRange {
  first: number;
  last: number | null;
}

/**
 * Opens the bytes that were pushed at a step. A range that the file does not have is answered with the whole of it.
 * @throws DomainError `checkpoint_not_found`; `artifact_gone` where the model's `keepEvery` let them go
 */
export async function openArtifact(
  ctx: TeamContext,
  model: PinnedModel,
  step: number,
  wanted: WantedRange | null,
): Promise<OpenArtifact> {
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
  try {
    const body = await ctx.artifacts.open(objectKey, range);
    if (!body) throw new Error(`the artifact ${objectKey} is not in the store`);
    return { digest, bytes, range, body };
  } catch (error) {
    throw asStoreFailure(ctx, error, "try again");
  }
}
