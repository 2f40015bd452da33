import { and, eq, inArray, isNull, sql } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import type { Transaction } from "../../database/client.ts";
import { checkpoints, evaluations, type SplitCounts } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { HistoryError, type HistoryOptions, readHistory } from "../../history/history.ts";
import { newId } from "../../ids.ts";
import { type Point, TrajectoryError } from "../../phases/judge.ts";
import { checkPoint } from "../../phases/points.ts";
import { checkReport } from "../evaluation/read-report.ts";
import { advanceJudgement } from "../judgement/advance.ts";
import { lockModel, type PinnedModel, stillMoving } from "./internal.ts";

/** A statement takes this many rows; Postgres counts its parameters in 16 bits. */
const CHUNK = 2_000;

/** A Worker has 128 MB: the text, its points and its rows are in there together. */
const BOUNDS = { steps: 20_000, values: 1_000_000, document: 4_000_000 };

export interface Imported {
  /** Steps that were not there. */
  added: number;
  /** Steps that an earlier import had with other results. */
  replaced: number;
  unchanged: number;
  /** What was read otherwise than it is written, and what was not read. */
  warnings: string[];
}

/**
 * Takes in the history of a run that was evaluated elsewhere: each of its steps becomes a checkpoint without bytes, its
 * results those of the history, provenance `reported`. All of it or nothing; again, it changes nothing.
 * @throws DomainError `invalid_history`, saying where; `step_taken` where a step has bytes; `model_moving`
 */
export async function importHistory(
  ctx: TeamContext,
  model: PinnedModel,
  text: string,
  options: HistoryOptions,
): Promise<Imported> {
  const { points, warnings } = read(model, text, options);
  const tally = { added: 0, replaced: 0, unchanged: 0 };
  await advanceJudgement(ctx, { ...model, modelId: model.id }, async (tx) => {
    if ((await lockModel(tx, model, "no key update")) !== model.suiteVersionId) throw stillMoving(model);
    const there = await readStanding(tx, model, points);
    const fresh: Made[] = [];
    const changed: Made[] = [];
    for (const point of points) {
      const standing = there.get(point.step);
      if (!standing) fresh.push({ point, checkpointId: newId("checkpoint") });
      else if (standing.digest !== null) throw stepHasBytes(model, point.step);
      else if (standing.evaluationId === null) throw stillMoving(model);
      else if (same(standing, point)) tally.unchanged += 1;
      else changed.push({ point, checkpointId: standing.checkpointId });
    }
    for (const some of chunksOf(fresh)) {
      const { teamId, id: modelId } = model;
      const rows = some.map(({ point: { step }, checkpointId: id }) => ({ id, teamId, modelId, step, digest: null }));
      await tx.insert(checkpoints).values(rows);
    }
    const made = [...fresh, ...changed];
    for (const some of chunksOf(made)) await putResults(tx, model, some, ctx.now());
    tally.added = fresh.length;
    tally.replaced = changed.length;
    // What goes on from where the fold is is folded on, and not all again: a long run may come in stretches.
    const from = made.reduce<number | null>((least, { point }) => Math.min(least ?? point.step, point.step), null);
    return { told: [], from };
  });
  return { ...tally, warnings };
}

function read(model: PinnedModel, text: string, options: HistoryOptions): { points: Point[]; warnings: string[] } {
  try {
    const history = readHistory([{ name: "", text }], { ...options, bounds: BOUNDS });
    if (history.points.length === 0) throw invalid("The history has no step with results.");
    for (const point of history.points) {
      checkPoint(point);
      checkStep(model, point);
    }
    const layers = history.points.some((point) => point.layers !== undefined);
    const warnings = history.warnings.map(asRequest);
    return { points: history.points, warnings: layers ? [...warnings, LAYERS_LEFT_OUT] : warnings };
  } catch (error) {
    if (error instanceof HistoryError || error instanceof TrajectoryError)
      throw invalid(`${asRequest(error.message)}.`);
    throw error;
  }
}

const LAYERS_LEFT_OUT = "not kept: statistics of layers, which are shown of what was measured here alone";

/** The reader's advice names the command's options; here they are parameters. */
function asRequest(message: string): string {
  return message
    .replaceAll("--total says", "total says")
    .replace(/--(map|total|run|missing) /g, "$1=")
    .replaceAll("--percent", "percent=true");
}

/** What an address may ask about. */
const LAST_STEP = 999_999_999_999_999;

function checkStep({ suiteVersion }: PinnedModel, { step, splits }: Point): void {
  if (step > LAST_STEP) throw invalid(`Step ${step} is beyond ${LAST_STEP}, the last that a checkpoint can have.`);
  try {
    checkReport({ source: "counts", splits: countsOf(splits) }, suiteVersion.splits);
  } catch (error) {
    if (error instanceof DomainError) throw invalid(`Step ${step}: ${error.message}`);
    throw error;
  }
}

const countsOf = (splits: Point["splits"]): Record<string, SplitCounts> =>
  Object.fromEntries(
    Object.entries(splits).map(([name, { correct, total, loss = null }]) => [name, { correct, total, loss }]),
  );

const AS_IMPORTED = { status: "done", provenance: "reported", source: "history" } as const;
const resultsOf = ({ splits, weightNorm = null }: Point) => ({ results: countsOf(splits), weightNorm });

async function readStanding(tx: Transaction, model: PinnedModel, points: readonly Point[]) {
  const rows = [];
  for (const some of chunksOf(points)) {
    const steps = some.map(({ step }) => step);
    rows.push(
      ...(await tx
        .select({
          step: checkpoints.step,
          checkpointId: checkpoints.id,
          digest: checkpoints.digest,
          evaluationId: evaluations.id,
          results: evaluations.results,
          weightNorm: evaluations.weightNorm,
        })
        .from(checkpoints)
        .leftJoin(
          evaluations,
          and(eq(evaluations.checkpointId, checkpoints.id), eq(evaluations.suiteVersionId, model.suiteVersionId)),
        )
        .where(
          and(eq(checkpoints.modelId, model.id), isNull(checkpoints.supersededAt), inArray(checkpoints.step, steps)),
        )),
    );
  }
  return new Map(rows.map((row) => [row.step, row]));
}

type Standing = Awaited<ReturnType<typeof readStanding>> extends Map<number, infer Row> ? Row : never;

function same({ results, weightNorm }: Standing, point: Point): boolean {
  const next = resultsOf(point);
  return (
    weightNorm === next.weightNorm &&
    Object.entries(next.results).every(([split, { correct, total, loss }]) => {
      const had = results?.[split];
      return had?.correct === correct && had.total === total && had.loss === loss;
    })
  );
}

/** A point and the checkpoint that has it. */
interface Made {
  point: Point;
  checkpointId: string;
}

/** The results of new checkpoints and other results of those that stand, whose evaluation has its place already. */
async function putResults(tx: Transaction, model: PinnedModel, made: readonly Made[], now: Date): Promise<void> {
  const { teamId, id: modelId, suiteVersionId } = model;
  await tx
    .insert(evaluations)
    .values(
      made.map(({ point, checkpointId }) => ({
        ...{ id: newId("evaluation"), teamId, modelId, checkpointId, suiteVersionId, step: point.step },
        ...{ ...AS_IMPORTED, ...resultsOf(point), finishedAt: now },
      })),
    )
    .onConflictDoUpdate({
      target: [evaluations.checkpointId, evaluations.suiteVersionId],
      set: {
        ...{ ...AS_IMPORTED, failureCode: null, failureMessage: null, finishedAt: now },
        ...{ results: sql`excluded.results`, weightNorm: sql`excluded.weight_norm` },
      },
    });
}

function* chunksOf<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let first = 0; first < items.length; first += CHUNK) yield items.slice(first, first + CHUNK);
}

function stepHasBytes({ name }: PinnedModel, step: number): DomainError {
  return new DomainError(
    "step_taken",
    `Step ${step} of "${name}" was pushed: import a history into a model of its own, or report that step with PUT …/evaluation.`,
  );
}

function invalid(detail: string): DomainError {
  return new DomainError("invalid_history", detail);
}
