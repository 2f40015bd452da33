import { and, asc, gt, isNull, sql } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { artifacts, checkpoints, evaluations, type MatrixStatistics, type SplitCounts } from "../../database/schema.ts";
import { pointLayers, pointNorm } from "../judgement/points.ts";
import type { PinnedModel } from "../model/internal.ts";
import { artifactOfCheckpoint, checkpointsOf, evaluationOn } from "./joined.ts";

/** One step of a trajectory: `splits` once it is evaluated, `failure` where it could not be. */
export interface TrajectoryPoint {
  step: number;
  /** Null where it is not known, or not all weights are numbers. */
  weightNorm: number | null;
  splits: Record<string, SplitCounts> | null;
  /** Whether the splits are what somebody reported. */
  reported: boolean;
  /** Weight matrices by name; null where they were not asked for, not measured, or not all weights are numbers. */
  layers: Record<string, MatrixStatistics> | null;
  failure: { code: string; message: string } | null;
}

/** A model's checkpoints on its suite version, by step. `after` is the last step of the page before. */
export async function readTrajectory(
  ctx: TeamContext,
  model: PinnedModel,
  page: { limit: number; after: number | undefined; layers?: boolean },
): Promise<TrajectoryPoint[]> {
  const rows = await ctx.db
    .select({
      step: checkpoints.step,
      weightNorm: pointNorm,
      splits: evaluations.results,
      provenance: evaluations.provenance,
      failureCode: evaluations.failureCode,
      failureMessage: evaluations.failureMessage,
      layers: page.layers ? pointLayers : sql<null>`null`,
    })
    .from(checkpoints)
    .leftJoin(artifacts, artifactOfCheckpoint)
    .leftJoin(evaluations, evaluationOn(model.suiteVersionId))
    .where(
      and(
        checkpointsOf(ctx, model),
        isNull(checkpoints.supersededAt),
        page.after === undefined ? undefined : gt(checkpoints.step, page.after),
      ),
    )
    .orderBy(asc(checkpoints.step))
    .limit(page.limit);
  return rows.map(({ failureCode, failureMessage, provenance, ...point }) => ({
    ...point,
    reported: provenance === "reported",
    failure: failureCode === null ? null : { code: failureCode, message: failureMessage ?? "" },
  }));
}
