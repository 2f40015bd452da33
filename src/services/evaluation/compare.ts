import { and, asc, eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { shards } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { hasBit } from "../../evaluation/bits.ts";
import { addBlockLosses, blocksOf, itemsOfRow } from "../../evaluation/kept.ts";
import { benjaminiHochberg, type LossComparison, mcnemar, pairedBootstrap } from "../../evaluation/paired.ts";
import type { PinnedModel } from "../model/internal.ts";
import { getEvaluation } from "./get.ts";

export interface Compared {
  model: PinnedModel;
  step: number;
}

type Adjusted = { p: number; adjusted: number };

interface Flips {
  gained: number;
  lost: number;
  gainedItems: number[];
  lostItems: number[];
  /** The last item up to which all are listed; null where none come after it, and where none are to be listed. */
  next: number | null;
}

export interface ComparisonOptions {
  seed: number;
  /** Items listed each way. */
  most: number;
  /** Only items after this one are listed. */
  after: number;
}

export interface SplitComparison {
  split: string;
  /** Items asked. */
  total: number;
  correct: { before: number; after: number };
  /** Null where the split is too large for each example to be kept. */
  flips: (Flips & Adjusted) | null;
  /** Null where a loss is no number. */
  loss: (LossComparison & Adjusted) | null;
}

/**
 * Two checkpoints on the same examples, split by split. Probabilities are adjusted over the splits.
 * @throws DomainError `not_comparable`, `checkpoint_not_found`, `evaluation_not_found`
 */
export async function compareCheckpoints(
  ctx: TeamContext,
  before: Compared,
  after: Compared,
  { seed, most, after: last }: ComparisonOptions,
): Promise<SplitComparison[]> {
  const { suiteVersion } = after.model;
  if (before.model.suiteVersion.version !== suiteVersion.version) {
    throw notComparable(
      "other_suite",
      `"${before.model.name}" and "${after.model.name}" are on different suites or versions of one: only the same examples can be paired. suite=VERSION asks about a version that both have been on.`,
    );
  }
  const [first, second] = [await readShards(ctx, before), await readShards(ctx, after)];
  const splits = suiteVersion.splits.map(({ name, rows, total }) => {
    const shape = suiteVersion.tensors.find((tensor) => tensor.name === `${name}/target`)?.shape ?? [rows];
    const perRow = itemsOfRow(suiteVersion.scoring, shape);
    const [a, b] = [gather(first, name, rows, perRow), gather(second, name, rows, perRow)];
    const flips = a.right && b.right ? flipsOf(a.right, b.right, { most, after: last }) : null;
    return {
      split: name,
      total,
      correct: { before: a.correct, after: b.correct },
      flips: flips && { ...flips, p: mcnemar(flips.gained, flips.lost) },
      loss: pairedBootstrap(a.losses, b.losses, total, seed),
    };
  });
  const flips = adjust(splits.map((split) => split.flips));
  const losses = adjust(splits.map((split) => split.loss));
  return splits.map((split, n) => ({ ...split, flips: flips[n] ?? null, loss: losses[n] ?? null }));
}

function adjust<Tested extends { p: number }>(tests: readonly (Tested | null)[]): ((Tested & Adjusted) | null)[] {
  const adjusted = benjaminiHochberg(tests.flatMap((test) => (test ? [test.p] : [])));
  let n = 0;
  return tests.map((test) => test && { ...test, adjusted: adjusted[n++] ?? 1 });
}

type KeptShard = Awaited<ReturnType<typeof readShards>>[number];

async function readShards(ctx: TeamContext, { model, step }: Compared) {
  const { evaluation } = await getEvaluation(ctx, model, step);
  const what = `Step ${step} of "${model.name}"`;
  if (evaluation.status !== "done") {
    const said = evaluation.status === "queued" ? "is not evaluated yet" : "could not be evaluated";
    throw notComparable(evaluation.status, `${what} ${said}: only what is evaluated can be compared.`);
  }
  if (evaluation.provenance === "reported") {
    throw notComparable("reported", `${what} was reported as counts: which examples it has right is not known.`);
  }
  return await ctx.db
    .select({
      split: shards.split,
      firstRow: shards.firstRow,
      correct: shards.correct,
      correctness: shards.correctness,
      rows: shards.rows,
      blockLosses: shards.blockLosses,
    })
    .from(shards)
    .where(and(eq(shards.teamId, ctx.actor.teamId), eq(shards.evaluationId, evaluation.id)))
    .orderBy(asc(shards.ordinal));
}

/** A split's shards put together: `right` has a flag for each item. */
function gather(all: readonly KeptShard[], split: string, splitRows: number, perRow: number) {
  const own = all.filter((shard) => shard.split === split);
  const losses = new Float64Array(blocksOf(splitRows));
  const right = new Uint8Array(own.every(({ correctness }) => correctness) ? splitRows * perRow : 0);
  let correct = 0;
  for (const { firstRow, rows, correctness, blockLosses, correct: ofShard } of own) {
    correct += ofShard ?? 0;
    if (blockLosses) addBlockLosses(losses, blockLosses, { splitRows, firstRow, rows });
    // Evaluated before losses were kept.
    else losses.fill(Number.NaN);
    if (correctness && right.length > 0) {
      for (let n = 0; n < rows * perRow; n += 1) right[firstRow * perRow + n] = hasBit(correctness, n) ? 1 : 0;
    }
  }
  return { correct, losses, right: right.length > 0 ? right : null };
}

function flipsOf(before: Uint8Array, after: Uint8Array, { most, after: last }: { most: number; after: number }): Flips {
  const flips: Flips = { gained: 0, lost: 0, gainedItems: [], lostItems: [], next: null };
  let listed = last;
  for (let n = 0; n < after.length; n += 1) {
    if (before[n] === after[n]) continue;
    const way = after[n] ? "gained" : "lost";
    flips[way] += 1;
    if (n <= last || most === 0 || flips.next !== null) continue;
    // The two lists end at one item, so that what comes after it is the next page of both.
    if (flips[`${way}Items`].length === most) flips.next = listed;
    else flips[`${way}Items`].push(n);
    listed = n;
  }
  return flips;
}

/** `reason` is as stable as the code: one that is `queued` may be asked for again. */
function notComparable(reason: "other_suite" | "queued" | "failed" | "reported", detail: string): DomainError {
  return new DomainError("not_comparable", detail, { reason });
}
