import { and, eq } from "drizzle-orm";
import type { Transaction } from "../../database/client.ts";
import { evaluations, type SplitCounts, shards } from "../../database/schema.ts";
import { sumBlockLosses } from "../../evaluation/kept.ts";
import type { Change } from "../judgement/advance.ts";

/** Sums the shards into the evaluation's results. Closing again changes nothing: the same shards give the same sums. */
export async function closeEvaluation(tx: Transaction, evaluationId: string, now: Date): Promise<Change> {
  const { ordinal, split, firstRow, rows, correct, total, lossSum, blockLosses, doneAt } = shards;
  const all = await tx
    .select({ ordinal, split, firstRow, rows, correct, total, lossSum, blockLosses, doneAt })
    .from(shards)
    .where(eq(shards.evaluationId, evaluationId));
  const open = all.find((shard) => shard.doneAt === null);
  if (open) throw new Error(`evaluation ${evaluationId} is closed with shard ${open.ordinal} open`);
  const results: Record<string, SplitCounts> = {};
  for (const [split, own = []] of Object.entries(Object.groupBy(all, (shard) => shard.split))) {
    const sum = (of: (shard: (typeof own)[number]) => number) => own.reduce((sum, shard) => sum + of(shard), 0);
    const total = sum((shard) => shard.total ?? 0);
    const losses = sumBlockLosses(own) ?? sum((shard) => shard.lossSum ?? Number.NaN);
    const loss = losses / total;
    results[split] = { correct: sum((shard) => shard.correct ?? 0), total, loss: Number.isFinite(loss) ? loss : null };
  }
  const [closed] = await tx
    .update(evaluations)
    .set({ status: "done", results, finishedAt: now })
    .where(and(eq(evaluations.id, evaluationId), eq(evaluations.status, "queued")))
    .returning({ step: evaluations.step });
  return { told: [], from: closed?.step ?? null };
}

/**
 * Ends an evaluation that the checkpoint itself made impossible: the frontier passes it, and there is no point. What is
 * told of it is told once.
 */
export async function failEvaluation(
  tx: Transaction,
  evaluationId: string,
  failure: { code: string; message: string },
  now: Date,
): Promise<Change> {
  const failed = await tx
    .update(evaluations)
    .set({ status: "failed", failureCode: failure.code, failureMessage: failure.message, finishedAt: now })
    .where(and(eq(evaluations.id, evaluationId), eq(evaluations.status, "queued")))
    .returning({ checkpointId: evaluations.checkpointId, step: evaluations.step });
  const told = failed.map((row) => ({
    type: "evaluation.failed" as const,
    data: { evaluationId, ...row, ...failure },
  }));
  return { told, from: null };
}
