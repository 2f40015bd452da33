import { and, eq, exists, isNull, lte, type SQL, sql } from "drizzle-orm";
import type { Queryable, Transaction } from "../../database/client.ts";
import { checkpoints, evaluations, judgements, type Provenance } from "../../database/schema.ts";
import { type JudgementKey, ofJudgement } from "./key.ts";

/** Whose measurements a verdict rests on: ours, somebody's, or some of each. */
export type EvidenceProvenance = Provenance | "mixed";

/**
 * Of a row of `judgements`, whose measurements the points are that it has folded. To be selected together with what
 * the row says: asked afterwards, results that were taken away in between would leave their verdict to ours.
 */
export function provenanceOfFolded(db: Queryable): SQL<EvidenceProvenance> {
  const has = (provenance: Provenance) =>
    exists(
      db
        .select({ id: evaluations.id })
        .from(evaluations)
        .innerJoin(checkpoints, eq(checkpoints.id, evaluations.checkpointId))
        .where(
          and(
            eq(evaluations.modelId, judgements.modelId),
            eq(evaluations.suiteVersionId, judgements.suiteVersionId),
            eq(evaluations.status, "done"),
            eq(evaluations.provenance, provenance),
            lte(evaluations.step, judgements.foldedStep),
            isNull(checkpoints.supersededAt),
          ),
        ),
    );
  return sql<EvidenceProvenance>`case when not ${has("reported")} then 'measured' when ${has("measured")} then 'mixed'
    else 'reported' end`;
}

/** @throws Error where nothing was judged yet. */
export async function readProvenance(tx: Transaction, key: JudgementKey): Promise<EvidenceProvenance> {
  const [row] = await tx
    .select({ provenance: provenanceOfFolded(tx) })
    .from(judgements)
    .where(ofJudgement(key));
  if (!row) throw new Error(`the judgement of ${key.modelId} vanished`);
  return row.provenance;
}

export interface ReportedCaveat {
  code: "reported_evidence";
  message: string;
}

/** What is to be said of a verdict that does not rest on our measurements alone. */
export function reportedCaveats(provenance: EvidenceProvenance): ReportedCaveat[] {
  if (provenance === "measured") return [];
  const what = provenance === "mixed" ? "Some of the results" : "The results";
  const message = `${what} were reported and not measured here: a gate refuses them unless it is asked with reported=allow.`;
  return [{ code: "reported_evidence", message }];
}
