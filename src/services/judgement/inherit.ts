import { and, asc, desc, eq, isNotNull, ne } from "drizzle-orm";
import type { Transaction } from "../../database/client.ts";
import { announcements, judgements } from "../../database/schema.ts";
import { DETECTOR_VERSION, type Verdict } from "../../phases/judge.ts";
import type { JudgementKey } from "./points.ts";

/**
 * What the last detector said of this trajectory becomes the beginning of what the present one says: its ledger is
 * copied, so that a transition keeps its id, and only what the new detector sees otherwise is announced. Null where no
 * other detector judged it.
 */
export async function inheritJudgement(tx: Transaction, key: JudgementKey): Promise<Verdict | null> {
  const [last] = await tx
    .select({ detectorVersion: judgements.detectorVersion, verdict: judgements.verdict })
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
  if (!last) return null;
  const said = await tx
    .select()
    .from(announcements)
    .where(
      and(
        eq(announcements.modelId, key.modelId),
        eq(announcements.suiteVersionId, key.suiteVersionId),
        eq(announcements.detectorVersion, last.detectorVersion),
      ),
    )
    .orderBy(asc(announcements.position));
  if (said.length > 0) {
    await tx.insert(announcements).values(said.map((line) => ({ ...line, detectorVersion: DETECTOR_VERSION })));
  }
  return last.verdict;
}
