import type { suiteVersions } from "../../database/schema.ts";
import type { Resolution, SplitAudit } from "../../evaluation/audit-types.ts";
import { decidingOf } from "../../phases/judge.ts";

/** From this share on, rows that train has are more than an oversight. */
const CONTAMINATED = 0.01;

export interface SuiteCaveat {
  code: "contaminated_split";
  message: string;
}

type Audited = Pick<typeof suiteVersions.$inferSelect, "splits" | "audit">;

/** How small a change a verdict can see: of the splits that it rests on, the one that shows least. */
export interface LeastChange extends Resolution {
  split: string;
  /** Examples that resolve a change of .01 between independent measurements. */
  examplesForOnePoint: number;
}

/** Null of a version from before there were audits. */
export function leastChangeOf({ splits, audit }: Audited): LeastChange | null {
  const deciding = decidingOf(splits.map(({ name }) => name));
  const [coarsest] = (audit?.splits ?? [])
    .filter(({ split }) => deciding.includes(split))
    .sort((a, b) => b.resolves.independent - a.resolves.independent);
  if (!audit || !coarsest) return null;
  return { split: coarsest.split, ...coarsest.resolves, examplesForOnePoint: audit.examplesForOnePoint };
}

/** What the suite's audit says against a verdict: only of the splits that the verdict rests on. */
export function suiteCaveats({ splits, audit }: Audited): SuiteCaveat[] {
  const deciding = decidingOf(splits.map(({ name }) => name));
  return splits.flatMap(({ name, rows }) => {
    const own = audit?.splits.find(({ split }) => split === name);
    if (!own || !deciding.includes(name) || !isContaminated(own, rows)) return [];
    return [{ code: "contaminated_split" as const, message: describe(own, rows) }];
  });
}

export function isContaminated({ inTrain, nearTrain }: SplitAudit, rows: number): boolean {
  return (inTrain ?? 0) + (nearTrain ?? 0) >= CONTAMINATED * rows;
}

function describe({ split, inTrain, nearTrain }: SplitAudit, rows: number): string {
  const near = nearTrain ? ` and ${nearTrain} more nearly so` : "";
  return `Of the ${rows} rows of ${split}, ${inTrain ?? 0} are in train${near}: what a memorizer has right there is no generalization.`;
}
