import { and, eq, isNull } from "drizzle-orm";
import { StoreUnavailable } from "../../artifacts/store.ts";
import type { Context } from "../../context.ts";
import { artifacts, checkpoints, evaluations, shards, suiteVersions } from "../../database/schema.ts";
import { describeFailure } from "../../errors.ts";
import { checkModelBytes, type Engine, ModelFailure } from "../../evaluation/engine.ts";
import { sha256 } from "../digest.ts";
import { advanceJudgement } from "../judgement/advance.ts";
import { claimUnit, releaseUnit } from "./claim.ts";
import { closeEvaluation, failEvaluation } from "./close.ts";
import { measureLayers } from "./layers.ts";
import { hintEvaluation } from "./queue.ts";
import { scoreUnit } from "./score.ts";

/** A unit that took this many attempts and is still not in is given up: the frontier must pass it. */
const MAX_ATTEMPTS = 5;
/** A message that has worked this long leaves the rest of its unit to another; sooner where leases are short. */
const MESSAGE_MS = 10_000;

export interface WorkOptions {
  /** How long a claimed unit is nobody else's: longer than the platform lets one message run. */
  leaseSeconds: number;
}

/** What became of a hint. */
export type WorkOutcome = "closed" | "unit_done" | "nothing_to_do";

/**
 * Takes one unit of an evaluation's shards, scores it, and closes the evaluation when it was the last. Any number
 * of evaluators may be woken for one evaluation, at any time, again and again: the rows decide who does what.
 */
export async function workEvaluation(
  ctx: Context,
  engine: Engine,
  evaluationId: string,
  options: WorkOptions,
): Promise<WorkOutcome> {
  const work = await findWork(ctx, evaluationId);
  if (!work) return "nothing_to_do";
  const claimed = await claimUnit(ctx, evaluationId, options.leaseSeconds);
  if (claimed.length === 0) return (await closeWhenComplete(ctx, work)) === "closed" ? "closed" : "nothing_to_do";
  if (claimed.some(({ attempts }) => attempts > MAX_ATTEMPTS)) {
    // The last attempt never came to its end, or could not write it down.
    return await giveUp(ctx, work, "evaluator_died", "the evaluator died, ran out of time or failed");
  }
  const { artifact, suiteVersion } = work;
  const milliseconds = Math.min(MESSAGE_MS, (options.leaseSeconds * 1000) / 3);
  let measured = artifact.layers !== null;
  const load = async () => {
    const bytes = await loadArtifact(ctx, artifact);
    // While they are at hand: nobody keeps the bytes once there is a session.
    if (!measured) await measureLayers(ctx, artifact, bytes);
    measured = true;
    return bytes;
  };
  // Another team's session of the same bytes does not spare the layers. They come before the first shard is in, for what
  // ends the evaluator must count as an attempt.
  const model = { digest: artifact.digest, load, loadAlways: !measured };
  try {
    await scoreUnit(ctx, engine, { model, suiteVersion }, claimed, { milliseconds });
  } catch (error) {
    if (error instanceof ModelFailure) return await fail(ctx, work, error.code, error.message);
    // However long the store is away, nobody has died of the model; whatever else it is may be the same every time.
    const away = error instanceof StoreUnavailable;
    if (!away && claimed.some(({ attempts }) => attempts === MAX_ATTEMPTS)) {
      ctx.log("error", "evaluation.error", { evaluationId, ...describeFailure(error) });
      return await giveUp(ctx, work, "evaluation_error", "the last one ended in an error of the service");
    }
    // Where the database is away too, the lease runs out by itself: the first failure is the one to report.
    await releaseUnit(ctx, claimed, { uncount: away }).catch((cause) => {
      ctx.log("warn", "evaluation.release_failed", { evaluationId, cause: String(cause) });
    });
    throw error;
  }
  return await closeWhenComplete(ctx, work);
}

type Work = NonNullable<Awaited<ReturnType<typeof findWork>>>;

async function findWork(ctx: Context, evaluationId: string) {
  const [row] = await ctx.db
    .select({ evaluation: evaluations, artifact: artifacts, suiteVersion: suiteVersions })
    .from(evaluations)
    .innerJoin(checkpoints, eq(checkpoints.id, evaluations.checkpointId))
    .innerJoin(artifacts, and(eq(artifacts.teamId, checkpoints.teamId), eq(artifacts.digest, checkpoints.digest)))
    .innerJoin(suiteVersions, eq(suiteVersions.id, evaluations.suiteVersionId))
    .where(and(eq(evaluations.id, evaluationId), eq(evaluations.status, "queued")));
  return row ?? null;
}

async function loadArtifact(ctx: Context, { objectKey, bytes: size, digest }: Work["artifact"]): Promise<Uint8Array> {
  // Before it is read: what the engine would refuse need not fit in memory.
  checkModelBytes(size);
  const bytes = objectKey && (await ctx.artifacts.get(objectKey));
  if (!bytes) throw new Error(`the artifact ${objectKey} is not in the store`);
  // What came otherwise than it went would be evaluated as though it had been trained so.
  const got = await sha256(bytes);
  if (got !== digest) throw new Error(`the store gave ${got} for the artifact ${digest}`);
  return bytes;
}

async function closeWhenComplete(ctx: Context, { evaluation }: Work): Promise<WorkOutcome> {
  const open = await ctx.db
    .select({ leaseUntil: shards.leaseUntil })
    .from(shards)
    .where(and(eq(shards.evaluationId, evaluation.id), isNull(shards.doneAt)));
  if (open.length === 0) {
    await advanceJudgement(ctx, evaluation, (tx) => closeEvaluation(tx, evaluation.id, ctx.now()));
    return "closed";
  }
  // Others hold the rest, or this message goes on with the next unit in an invocation of its own.
  if (open.some(({ leaseUntil }) => leaseUntil === null)) {
    await hintEvaluation(ctx.queues, { evaluationId: evaluation.id, units: 1 });
  }
  return "unit_done";
}

async function giveUp(ctx: Context, work: Work, code: string, cause: string): Promise<WorkOutcome> {
  return await fail(
    ctx,
    work,
    code,
    `It could not be evaluated in ${MAX_ATTEMPTS} attempts: ${cause}. The log has the cause.`,
  );
}

async function fail(ctx: Context, { evaluation }: Work, code: string, message: string): Promise<WorkOutcome> {
  ctx.log("warn", "evaluation.failed", { evaluationId: evaluation.id, code, message });
  await advanceJudgement(ctx, evaluation, (tx) => failEvaluation(tx, evaluation.id, { code, message }, ctx.now()));
  return "closed";
}
