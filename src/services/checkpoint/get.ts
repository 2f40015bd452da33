import { and, eq, isNull } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { checkpoints } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import type { PinnedModel } from "../model/internal.ts";
import { selectCheckpoints } from "./joined.ts";

export type CheckpointDetail = Awaited<ReturnType<typeof getCheckpoint>>;

/** A checkpoint with its artifact and evaluation. @throws DomainError `checkpoint_not_found` */
export async function getCheckpoint(ctx: TeamContext, model: PinnedModel, by: { step: number } | { digest: string }) {
  const asked = "step" in by ? eq(checkpoints.step, by.step) : eq(checkpoints.digest, by.digest);
  const [row] = await selectCheckpoints(ctx, model, and(isNull(checkpoints.supersededAt), asked))
    // The same bytes may stand at several steps: the first of them makes the weakest claim.
    .orderBy(checkpoints.step)
    .limit(1);
  if (!row) {
    const what = "step" in by ? `at step ${by.step}` : `with the digest ${by.digest}`;
    throw new DomainError("checkpoint_not_found", `"${model.name}" has no checkpoint ${what}.`);
  }
  return row;
}
