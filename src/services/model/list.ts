import { and, desc, eq, lt } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { judgements, models, suites, suiteVersions } from "../../database/schema.ts";
import { DETECTOR_VERSION, type Verdict } from "../../phases/judge.ts";
import { type EvidenceProvenance, provenanceOfFolded } from "../judgement/provenance.ts";
import { type LeastChange, leastChangeOf, type SuiteCaveat, suiteCaveats } from "../judgement/suite-caveats.ts";
import type { PinnedModel } from "./internal.ts";

/** A suite of a thousand tensors could be contaminated in hundreds of splits. */
const LISTED_CAVEATS = 10;

export interface ListedModel extends PinnedModel {
  verdict: Verdict["verdict"] | null;
  /** Whose measurements the verdict rests on; null without one. */
  provenance: EvidenceProvenance | null;
  /** What the suite's audit says against it, and how small a change it can see. */
  caveats: SuiteCaveat[];
  leastChange: LeastChange | null;
}

/**
 * A team's models, newest first, each with its present verdict. `before` is the last id of the page before; with
 * `ensemble`, those of that one alone.
 */
export async function listModels(
  ctx: TeamContext,
  page: { limit: number; before: string | undefined; ensemble?: string | undefined },
): Promise<ListedModel[]> {
  const rows = await ctx.db
    .select({
      model: models,
      suiteName: suites.name,
      suiteVersion: suiteVersions,
      verdict: judgements.verdict,
      provenance: provenanceOfFolded(ctx.db),
    })
    .from(models)
    .innerJoin(suiteVersions, eq(suiteVersions.id, models.suiteVersionId))
    .innerJoin(suites, eq(suites.id, suiteVersions.suiteId))
    .leftJoin(
      judgements,
      and(
        eq(judgements.modelId, models.id),
        eq(judgements.suiteVersionId, models.suiteVersionId),
        eq(judgements.detectorVersion, DETECTOR_VERSION),
      ),
    )
    .where(
      and(
        eq(models.teamId, ctx.actor.teamId),
        page.before ? lt(models.id, page.before) : undefined,
        page.ensemble === undefined ? undefined : eq(models.ensemble, page.ensemble),
      ),
    )
    .orderBy(desc(models.id))
    .limit(page.limit);
  return rows.map(({ model, verdict, provenance, ...suite }) => ({
    ...model,
    ...suite,
    current: true,
    verdict: verdict?.verdict ?? null,
    provenance: verdict && provenance,
    caveats: suiteCaveats(suite.suiteVersion).slice(0, LISTED_CAVEATS),
    leastChange: leastChangeOf(suite.suiteVersion),
  }));
}
