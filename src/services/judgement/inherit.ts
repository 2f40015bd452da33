import { and, asc, desc, eq, isNotNull, ne } from "drizzle-orm";
import type { Transaction } from "../../database/client.ts";
import { announcements, judgements } from "../../database/schema.ts";
import { DETECTOR_VERSION, type Verdict } from "../../phases/judge.ts";
import type { JudgementKey } from "./points.ts";

/** What an earlier detector made of a trajectory, and up to which step. */
export interface EarlierJudgement {
  detectorVersion: string;
  verdict: Verdict | null;
  foldedStep: number | null;
}

/** The last that another detector than the present one said; null where none judged the trajectory. */
export async function findEarlierJudgement(tx: Transaction, key: JudgementKey): Promise<EarlierJudgement | null> {
  const [last] = await tx
    .select({
      detectorVersion: judgements.detectorVersion,
      verdict: judgements.verdict,
      foldedStep: judgements.foldedStep,
    })
    .from(judgements)
    .where(
      and(
        eq(judgements.teamId, key.teamId),
        eq(judgements.modelId, key.modelId),
        eq(judgements.suiteVersionId, key.suiteVersionId),
        ne(judgements.detectorVersion, DETECTOR_VERSION),
        isNotNull(judgements.verdict),
      ),
    )
    .orderBy(desc(judgements.updatedAt))
    .limit(1);
  return last ?? null;
}

/**
 * What that detector said becomes the beginning of what the present one says: its ledger is copied, so that a transition
 * keeps its id, and only what the new detector sees otherwise is announced.
 */
export async function copyLedger(tx: Transaction, key: JudgementKey, from: EarlierJudgement): Promise<void> {
  const said = await tx
    .select()
    .from(announcements)
    .where(
      and(
        eq(announcements.modelId, key.modelId),
        eq(announcements.suiteVersionId, key.suiteVersionId),
        eq(announcements.detectorVersion, from.detectorVersion),
      ),
    )
    .orderBy(asc(announcements.position));
  if (said.length > 0) {
    await tx.insert(announcements).values(said.map((line) => ({ ...line, detectorVersion: DETECTOR_VERSION })));
  }
}
