import { and, desc, eq, isNull, lte } from "drizzle-orm";
import type { Transaction } from "../../database/client.ts";
import { checkpoints, evaluations, pins } from "../../database/schema.ts";
import type { JudgementKey } from "./key.ts";

type PinRow = typeof pins.$inferSelect;

/**
 * Where a trajectory stands after its model moved. `waiting`: checkpoints from before the move are still to be evaluated,
 * and a verdict on some of them would be one on a stretch of the run. `arrived`: the last of them is in. `steady`: they
 * are judged, or there was no move.
 */
export type Course = "waiting" | "arrived" | "steady";

export async function courseOf(tx: Transaction, key: JudgementKey, pin: PinRow | null): Promise<Course> {
  if (pin === null || pin.judgedAt !== null) return "steady";
  if (pin.backfilledAt === null) return "waiting";
  const [pending] = await tx
    .select({ step: evaluations.step })
    .from(evaluations)
    .innerJoin(checkpoints, eq(checkpoints.id, evaluations.checkpointId))
    .where(
      and(
        eq(evaluations.modelId, key.modelId),
        eq(evaluations.suiteVersionId, key.suiteVersionId),
        eq(evaluations.status, "queued"),
        lte(evaluations.step, pin.throughStep ?? -1),
        isNull(checkpoints.supersededAt),
      ),
    )
    // They are evaluated from the first on: the last is the likeliest to be there.
    .orderBy(desc(evaluations.step))
    .limit(1);
  return pending ? "waiting" : "arrived";
}

/** Ends a move: from here on the trajectory is judged point by point. */
export async function endMove(tx: Transaction, key: JudgementKey, now: Date): Promise<void> {
  await tx.update(pins).set({ judgedAt: now }).where(ofKey(key));
}

const ofKey = ({ modelId, suiteVersionId }: JudgementKey) =>
  and(eq(pins.modelId, modelId), eq(pins.suiteVersionId, suiteVersionId));
