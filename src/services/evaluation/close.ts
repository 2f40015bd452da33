import { and, eq } from "drizzle-orm";
import type { Transaction } from "../../database/client.ts";
import { evaluations, type SplitCounts, shards } from "../../database/schema.ts";
import type { Change } from "../judgement/advance.ts";

/** Sums the shards into the evaluation's results. Closing again changes nothing: the same shards give the same sums. */
export async function closeEvaluation(tx: Transaction, evaluationId: string, now: Date): Promise<Change> {
  const { ordinal, split, correct, total, lossSum, doneAt } = shards;
  const rows = await tx
    .select({ ordinal, split, correct, total, lossSum, doneAt })
    .from(shards)
    .where(eq(shards.evaluationId, evaluationId));
  const sums: Record<string, { correct: number; total: number; lossSum: number }> = {};
  for (const row of rows) {
    if (row.doneAt === null) throw new Error(`evaluation ${evaluationId} is closed with shard ${row.ordinal} open`);
    const sum = sums[row.split] ?? { correct: 0, total: 0, lossSum: 0 };
    sums[row.split] = sum;
    sum.correct += row.correct ?? 0;
    sum.total += row.total ?? 0;
    sum.lossSum += row.lossSum ?? Number.NaN;
  }
  const results: Record<string, SplitCounts> = {};
  for (const [split, { correct, total, lossSum }] of Object.entries(sums)) {
    const loss = lossSum / total;
    results[split] = { correct, total, loss: Number.isFinite(loss) ? loss : null };
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
