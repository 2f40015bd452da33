import { and, desc, isNotNull, sql } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { judgements, type StoredVerdict } from "../../database/schema.ts";
import { begin, type Caveat, conclude, DETECTOR_VERSION } from "../../phases/judge.ts";
import type { PinnedModel } from "../model/internal.ts";
import { ofTrajectory } from "./key.ts";
import { type MoveCaveat, moveCaveats } from "./move-caveats.ts";
import { type EvidenceProvenance, provenanceOfFolded, type ReportedCaveat, reportedCaveats } from "./provenance.ts";
import { type SuiteCaveat, suiteCaveats } from "./suite-caveats.ts";

/** The stored verdict with what its suite's audit and its model's moves add, and whose measurements it rests on. */
export type ServedVerdict = Omit<StoredVerdict, "caveats" | "evidence"> & {
  caveats: (Caveat | SuiteCaveat | MoveCaveat | ReportedCaveat)[];
  evidence: Omit<StoredVerdict["evidence"], "provenance"> & { provenance: EvidenceProvenance };
  detectorVersion: string;
};

/**
 * The verdict on a model as of its frontier; before the first evaluation there is not enough evidence. What only an
 * earlier detector has judged is told as that one said it, under its version, until the sweep has judged it anew.
 */
export async function getVerdict(ctx: TeamContext, model: PinnedModel): Promise<ServedVerdict> {
  // First: where the move ends between the two, a whole verdict is said to be on its way, and never an empty one whole.
  const moved = await moveCaveats(ctx, model);
  const key = { teamId: ctx.actor.teamId, modelId: model.id, suiteVersionId: model.suiteVersionId };
  const [row] = await ctx.db
    .select({
      verdict: judgements.verdict,
      detectorVersion: judgements.detectorVersion,
      provenance: provenanceOfFolded(ctx.db),
    })
    .from(judgements)
    .where(and(ofTrajectory(key), isNotNull(judgements.verdict)))
    .orderBy(desc(sql`${judgements.detectorVersion} = ${DETECTOR_VERSION}`), desc(judgements.updatedAt))
    .limit(1);
  const verdict = row?.verdict ?? { ...conclude(begin({ policy: model.policy })), transitions: [] };
  const provenance = row?.provenance ?? "measured";
  const evidence = { ...verdict.evidence, provenance };
  const detectorVersion = row?.detectorVersion ?? DETECTOR_VERSION;
  const caveats = [...reportedCaveats(provenance), ...verdict.caveats, ...suiteCaveats(model.suiteVersion), ...moved];
  return { ...verdict, detectorVersion, evidence, caveats };
}
