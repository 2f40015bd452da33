import { and, asc, eq, gt, inArray, isNull, lt, min, or, sql } from "drizzle-orm";
import type { Queryable } from "../../database/client.ts";
import {
  artifacts,
  checkpoints,
  evaluations,
  type MatrixStatistics,
  models,
  type Provenance,
  pins,
  suites,
  suiteVersions,
} from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import type { JudgeOptions, Point } from "../../phases/judge.ts";
import { artifactOfCheckpoint } from "../checkpoint/joined.ts";
import { judgementPolicy } from "../model/policy.ts";
import type { JudgementKey } from "./key.ts";
import { type LeastChange, leastChangeOf, type SuiteCaveat, suiteCaveats } from "./suite-caveats.ts";

export interface Subject {
  teamId: string;
  modelId: string;
  modelName: string;
  tags: string[];
  ensemble: string | null;
  suite: { name: string; version: string };
  /** Whether the model is pinned to the suite version by now. */
  current: boolean;
  /** How it came to the suite version; null where it began there. */
  pin: typeof pins.$inferSelect | null;
  options: JudgeOptions;
  /** What the suite's audit says against every verdict on it, and how small a change they can see. */
  caveats: SuiteCaveat[];
  leastChange: LeastChange | null;
}

/** The model and suite by name, and what phases/ must know of them. */
export async function getSubject(db: Queryable, key: JudgementKey): Promise<Subject> {
  const [row] = await db
    .select({ model: models, suiteVersion: suiteVersions, suiteName: suites.name, pin: pins })
    .from(models)
    .innerJoin(suiteVersions, eq(suiteVersions.id, key.suiteVersionId))
    .innerJoin(suites, eq(suites.id, suiteVersions.suiteId))
    .leftJoin(pins, and(eq(pins.modelId, models.id), eq(pins.suiteVersionId, suiteVersions.id)))
    .where(and(eq(models.id, key.modelId), eq(models.teamId, key.teamId)));
  if (!row) throw new DomainError("model_not_found", `There is no model "${key.modelId}".`);
  return {
    teamId: key.teamId,
    modelId: row.model.id,
    modelName: row.model.name,
    tags: row.model.tags,
    ensemble: row.model.ensemble,
    suite: { name: row.suiteName, version: row.suiteVersion.version },
    current: row.model.suiteVersionId === key.suiteVersionId,
    pin: row.pin,
    options: judgeOptions(row.model, row.suiteVersion),
    caveats: suiteCaveats(row.suiteVersion),
    leastChange: leastChangeOf(row.suiteVersion),
  };
}

/** What phases/ must know of a model on a suite version: chance per split, the model's policy. */
export const judgeOptions = (
  { policy }: Pick<typeof models.$inferSelect, "policy">,
  { splits }: Pick<typeof suiteVersions.$inferSelect, "splits">,
): JudgeOptions => ({
  chance: Object.fromEntries(splits.map(({ name, chance }) => [name, chance])),
  policy: judgementPolicy(policy),
});

const allNumbers = sql`(${artifacts.measurement}->>'nonFinite')::bigint = 0`;

/** Of weights that are not all numbers the norm is partial: its fall would pass for weights that reorganise. */
export const pointNorm = sql<number | null>`case when ${artifacts.digest} is null then ${evaluations.weightNorm}
  when ${allNumbers} then ${artifacts.weightNorm} end`;

/**
 * Of what was evaluated here alone: how far the evaluator came with any other must not matter. And of weights that are
 * all numbers: some layers without a norm are other layers than before, and would begin their series anew.
 */
export const pointLayers = sql<Record<
  string,
  MatrixStatistics
> | null>`case when ${evaluations.provenance} = 'measured' and ${allNumbers} then ${artifacts.layers} end`;

/** Up to which step the points are folded, and whether those are still what they were. */
export interface Folded {
  step: number | null;
  stands: boolean;
}

export interface Frontier {
  /** Whether the points start from the first again, because some below the fold are others now. */
  replay: boolean;
  /** Whether a late step is on its way: until it is in, what was said stands. */
  waits: boolean;
  /** The points to fold, in step order. */
  points: Point[];
}

/**
 * What lies between the fold and the frontier: the highest step at or below which every checkpoint is evaluated or
 * has failed. Costs what is new, and not what is folded already.
 */
export async function readFrontier(
  db: Queryable,
  key: JudgementKey,
  folded: Folded,
  /** The step up to which something was said already: nothing is taken back while a step at or below it is pending. */
  said: number | null = folded.step,
): Promise<Frontier> {
  const ofCheckpoint = eq(checkpoints.id, evaluations.checkpointId);
  const ofModel = and(
    eq(evaluations.teamId, key.teamId),
    eq(evaluations.modelId, key.modelId),
    eq(evaluations.suiteVersionId, key.suiteVersionId),
    isNull(checkpoints.supersededAt),
  );
  const { step, status } = evaluations;
  const [pending] = await db
    .select({ step })
    .from(evaluations)
    .innerJoin(checkpoints, ofCheckpoint)
    // Literal, as in the index of what is pending.
    .where(and(ofModel, sql`${status} = 'queued'`))
    .orderBy(asc(step))
    .limit(1);
  const firstPending = pending?.step ?? null;
  const replay = !folded.stands;
  // While a late step is on its way the fold waits: going back to it now would take the verdict back too.
  if (firstPending !== null && said !== null && firstPending <= said) return { replay: false, waits: true, points: [] };

  const rows = await db
    .select({
      step,
      results: evaluations.results,
      weightNorm: pointNorm,
      layers: pointLayers,
    })
    .from(evaluations)
    .innerJoin(checkpoints, ofCheckpoint)
    .leftJoin(artifacts, artifactOfCheckpoint)
    .where(
      and(
        ofModel,
        eq(status, "done"),
        firstPending === null ? undefined : lt(step, firstPending),
        replay || folded.step === null ? undefined : gt(step, folded.step),
      ),
    )
    .orderBy(asc(step));
  const points = rows.map(({ step, results, weightNorm, layers }) => ({
    ...{ step, splits: results ?? {}, weightNorm },
    ...(layers ? { layers } : {}),
  }));
  return { replay, waits: false, points };
}

/** A point of one of several models, and whose results it holds. */
export interface MemberPoint {
  modelId: string;
  point: Point;
  provenance: Provenance;
}

/**
 * The points of models on one suite version, each model's up to its frontier and in step order: at most `limit` of
 * all. Counts alone: no norms, no layers.
 */
export async function readMemberPoints(
  db: Queryable,
  { teamId, suiteVersionId }: Pick<JudgementKey, "teamId" | "suiteVersionId">,
  modelIds: readonly string[],
  limit: number,
): Promise<MemberPoint[]> {
  const { modelId, step, results, provenance, status } = evaluations;
  const ofCheckpoint = eq(checkpoints.id, evaluations.checkpointId);
  const ofModels = and(
    eq(evaluations.teamId, teamId),
    inArray(modelId, [...modelIds]),
    eq(evaluations.suiteVersionId, suiteVersionId),
    isNull(checkpoints.supersededAt),
  );
  const pending = db
    .select({ modelId, first: min(step).as("first_step") })
    .from(evaluations)
    .innerJoin(checkpoints, ofCheckpoint)
    .where(and(ofModels, sql`${status} = 'queued'`))
    .groupBy(modelId)
    .as("pending");
  const rows = await db
    .select({ modelId, step, results, provenance })
    .from(evaluations)
    .innerJoin(checkpoints, ofCheckpoint)
    .leftJoin(pending, eq(pending.modelId, modelId))
    .where(and(ofModels, eq(status, "done"), or(isNull(pending.first), lt(step, pending.first))))
    .orderBy(asc(modelId), asc(step))
    .limit(limit);
  return rows.map(({ modelId: of, step: at, results: splits, provenance: whose }) => ({
    modelId: of,
    point: { step: at, splits: splits ?? {}, weightNorm: null },
    provenance: whose,
  }));
}
