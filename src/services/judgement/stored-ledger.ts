import { asc } from "drizzle-orm";
import type { Transaction } from "../../database/client.ts";
import { announcements } from "../../database/schema.ts";
import { DETECTOR_VERSION } from "../../phases/judge.ts";
import type { EarlierJudgement } from "./earlier-judgement.ts";
import { type JudgementKey, ofLedger } from "./key.ts";
import type { LedgerEntry } from "./ledger.ts";

export async function readLedger(tx: Transaction, key: JudgementKey): Promise<LedgerEntry[]> {
  return await tx
    .select({
      type: announcements.type,
      transitionId: announcements.transitionId,
      transition: announcements.transition,
      asOfStep: announcements.asOfStep,
    })
    .from(announcements)
    .where(ofLedger(key))
    .orderBy(asc(announcements.position));
}

/** Writes lines behind the `length` that the ledger has. */
export async function appendToLedger(
  tx: Transaction,
  { teamId, modelId, suiteVersionId }: JudgementKey,
  length: number,
  added: readonly LedgerEntry[],
): Promise<void> {
  if (added.length === 0) return;
  await tx.insert(announcements).values(
    added.map((entry, n) => ({
      ...entry,
      teamId,
      modelId,
      suiteVersionId,
      detectorVersion: DETECTOR_VERSION,
      position: length + n + 1,
    })),
  );
}

/**
 * What an earlier detector said becomes the beginning of what the present one says: its ledger is copied, so that a
 * transition keeps its id, and only what the new detector sees otherwise is announced.
 */
export async function copyLedger(tx: Transaction, key: JudgementKey, from: EarlierJudgement): Promise<void> {
  const said = await tx
    .select()
    .from(announcements)
    .where(ofLedger(key, from.detectorVersion))
    .orderBy(asc(announcements.position));
  if (said.length > 0) {
    await tx.insert(announcements).values(said.map((line) => ({ ...line, detectorVersion: DETECTOR_VERSION })));
  }
}
