import { and, desc, isNotNull, ne } from "drizzle-orm";
import type { Transaction } from "../../database/client.ts";
import { judgements } from "../../database/schema.ts";
import { DETECTOR_VERSION, type Verdict } from "../../phases/judge.ts";
import { type JudgementKey, ofTrajectory } from "./key.ts";

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
    .where(and(ofTrajectory(key), ne(judgements.detectorVersion, DETECTOR_VERSION), isNotNull(judgements.verdict)))
    .orderBy(desc(judgements.updatedAt))
    .limit(1);
  return last ?? null;
}
