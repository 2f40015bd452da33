import { and, eq, type SQL } from "drizzle-orm";
import { announcements, judgements } from "../../database/schema.ts";
import { DETECTOR_VERSION } from "../../phases/judge.ts";

/** What a judgement is about, by its keys. */
export interface JudgementKey {
  teamId: string;
  modelId: string;
  suiteVersionId: string;
}

/** The judgements of a trajectory, by whichever detector. */
export function ofTrajectory({ teamId, modelId, suiteVersionId }: JudgementKey): SQL | undefined {
  return and(
    eq(judgements.teamId, teamId),
    eq(judgements.modelId, modelId),
    eq(judgements.suiteVersionId, suiteVersionId),
  );
}

/** The judgement by the present detector. */
export function ofJudgement(key: JudgementKey): SQL | undefined {
  return and(ofTrajectory(key), eq(judgements.detectorVersion, DETECTOR_VERSION));
}

/** The lines of a detector's ledger. */
export function ofLedger(
  { teamId, modelId, suiteVersionId }: JudgementKey,
  detectorVersion: string = DETECTOR_VERSION,
): SQL | undefined {
  return and(
    eq(announcements.teamId, teamId),
    eq(announcements.modelId, modelId),
    eq(announcements.suiteVersionId, suiteVersionId),
    eq(announcements.detectorVersion, detectorVersion),
  );
}
