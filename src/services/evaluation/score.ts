import { and, eq, isNull, max } from "drizzle-orm";
import type { Context } from "../../context.ts";
import { evaluations, shards, type suiteVersions } from "../../database/schema.ts";
import { cutSlice, type Engine, type EngineModel } from "../../evaluation/engine.ts";
import { cutBefore, keep } from "../../evaluation/kept.ts";
import { joinTallies, type Tally } from "../../evaluation/metrics.ts";
import { readSlice } from "../suite/read-slice.ts";
import { releaseUnit, type ShardRow } from "./claim.ts";
import { Pace } from "./pace.ts";

/** Of a suite this much is read at once, and as much again while it is scored. */
const READ_BYTES = 2 * 1024 * 1024;

type SuiteVersion = typeof suiteVersions.$inferSelect;

/** Rows of a shard that are read together. */
interface Stretch {
  shard: ShardRow;
  splitRows: number;
  firstRow: number;
  /** The row after its last. */
  end: number;
}

/**
 * Scores the shards of a unit in their order and writes each down. When the message's time is over, what is left is
 * for another: the shard under way ends where its rows are scored, and the rest of it is one more shard.
 */
export async function scoreUnit(
  ctx: Context,
  engine: Engine,
  { model, suiteVersion }: { model: EngineModel; suiteVersion: SuiteVersion },
  claimed: readonly ShardRow[],
  { milliseconds }: { milliseconds: number },
): Promise<void> {
  const stretches = claimed.flatMap((shard) => stretchesOf(suiteVersion, shard));
  const pace = new Pace(ctx.now, milliseconds);
  const read = ({ shard: { split }, firstRow, end }: Stretch) =>
    readSlice(ctx, suiteVersion, { split, firstRow, rows: end - firstRow });
  const [first] = stretches;
  if (!first) return;
  let ahead = read(first);
  await Promise.all([engine.prepare(model), ahead]);
  let tallies: Tally[] = [];
  for (const [n, { shard, splitRows, firstRow, end }] of stretches.entries()) {
    const slice = await ahead;
    const next = stretches[n + 1];
    if (next) {
      ahead = read(next);
      // It is awaited in its turn; until then it may fail unheard.
      ahead.catch(() => {});
    }
    for (let row = firstRow; row < end; ) {
      const until = cutAt(row, row + pace.rows, end, splitRows);
      tallies.push(await engine.score(model, suiteVersion, cutSlice(slice, row - firstRow, until - firstRow)));
      row = until;
      const shardDone = row === shard.firstRow + shard.rows;
      if (shardDone) {
        await writeDown(ctx, shard, splitRows, joinTallies(tallies));
        tallies = [];
      }
      const last = shardDone && !next;
      if (last || !(await pace.isOver()) || cutBefore(row, splitRows) !== row) continue;
      if (!shardDone) await writePart(ctx, shard, splitRows, row, joinTallies(tallies));
      await releaseUnit(ctx, claimed, { uncount: true });
      return;
    }
  }
}

/** A shard in what is read at once: some MiB at most, or a single row, cut where blocks of losses end if they are shorter. */
export function stretchesOf({ splits, tensors }: Pick<SuiteVersion, "splits" | "tensors">, shard: ShardRow): Stretch[] {
  const splitRows = splits.find(({ name }) => name === shard.split)?.rows ?? shard.rows;
  const ofSplit = tensors.filter(({ name }) => name.startsWith(`${shard.split}/`));
  const rowBytes = ofSplit.reduce((sum, { length }) => sum + length, 0) / splitRows;
  const most = Math.max(1, Math.floor(READ_BYTES / Math.max(1, rowBytes)));
  const stretches: Stretch[] = [];
  const shardEnd = shard.firstRow + shard.rows;
  for (let firstRow = shard.firstRow; firstRow < shardEnd; ) {
    const end = cutAt(firstRow, firstRow + most, shardEnd, splitRows);
    stretches.push({ shard, splitRows, firstRow, end });
    firstRow = end;
  }
  return stretches;
}

/** Where a block ends, at or before `wanted`; inside of one where it is larger than what is wanted. */
function cutAt(from: number, wanted: number, end: number, splitRows: number): number {
  if (wanted >= end) return end;
  const cut = cutBefore(wanted, splitRows);
  return cut > from ? cut : wanted;
}

const resultsOf = (
  tally: Tally,
  splitRows: number,
  { firstRow, rows }: { firstRow: number; rows: number },
  now: Date,
) => ({
  ...{ correct: tally.correct, total: tally.total, lossSum: tally.lossSum, classCounts: tally.classes },
  ...keep(tally, { splitRows, firstRow, rows }),
  ...{ doneAt: now, leaseUntil: null },
});

/** As it was claimed: whoever holds it since may have made it shorter. */
const asClaimed = ({ evaluationId, ordinal, rows }: ShardRow) =>
  and(eq(shards.evaluationId, evaluationId), eq(shards.ordinal, ordinal), eq(shards.rows, rows));

async function writeDown(ctx: Context, shard: ShardRow, splitRows: number, tally: Tally): Promise<void> {
  await ctx.db
    .update(shards)
    .set(resultsOf(tally, splitRows, shard, ctx.now()))
    .where(asClaimed(shard));
}

/** Ends a shard at a row. Nothing, where another holds it by now. */
async function writePart(ctx: Context, shard: ShardRow, splitRows: number, row: number, tally: Tally): Promise<void> {
  const { evaluationId, teamId, unit, split, firstRow, leaseUntil } = shard;
  if (!leaseUntil) return;
  const rows = row - firstRow;
  await ctx.db.transaction(async (tx) => {
    // Whoever cuts another shard of it meanwhile would give the same ordinal.
    await tx.select().from(evaluations).where(eq(evaluations.id, evaluationId)).for("no key update");
    const ended = await tx
      .update(shards)
      .set({ rows, ...resultsOf(tally, splitRows, { firstRow, rows }, ctx.now()) })
      .where(and(asClaimed(shard), eq(shards.leaseUntil, leaseUntil), isNull(shards.doneAt)))
      .returning({ ordinal: shards.ordinal });
    if (ended.length === 0) return;
    const [last] = await tx
      .select({ ordinal: max(shards.ordinal) })
      .from(shards)
      .where(eq(shards.evaluationId, evaluationId));
    const ordinal = (last?.ordinal ?? 0) + 1;
    await tx
      .insert(shards)
      .values({ evaluationId, teamId, unit, split, ordinal, firstRow: row, rows: shard.rows - rows });
  });
}
