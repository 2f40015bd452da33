import { and, eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { judgements, type StoredVerdict } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { begin, conclude, DETECTOR_VERSION, type VerdictName } from "../../phases/judge.ts";
import { getCheckpoint } from "../checkpoint/get.ts";
import type { PinnedModel } from "../model/internal.ts";

export type { StoredVerdict };

/** The verdict on a model as of its frontier; before the first evaluation there is not enough evidence. */
export async function getVerdict(ctx: TeamContext, model: PinnedModel): Promise<StoredVerdict> {
  const [row] = await ctx.db
    .select({ verdict: judgements.verdict })
    .from(judgements)
    .where(
      and(
        eq(judgements.teamId, ctx.actor.teamId),
        eq(judgements.modelId, model.id),
        eq(judgements.suiteVersionId, model.suiteVersionId),
        eq(judgements.detectorVersion, DETECTOR_VERSION),
      ),
    );
  return row?.verdict ?? { ...conclude(begin({ policy: model.policy })), transitions: [] };
}

/** What is about to be deployed: the model as it stands, or these very bytes. */
export type GateSubject = { step: number } | { digest: string } | null;

/**
 * The deploy gate. Passes where the verdict is the required one and, asked about certain bytes, where those were
 * evaluated at or after the step from which every deciding split had settled.
 * @throws DomainError `verdict_not_met`, with the verdict, or `checkpoint_not_found`
 */
export async function checkGate(
  ctx: TeamContext,
  model: PinnedModel,
  verdict: StoredVerdict,
  required: VerdictName,
  subject: GateSubject,
): Promise<void> {
  if (verdict.verdict !== required) {
    throw notMet(verdict, `The verdict is ${verdict.verdict}, not ${required}. ${verdict.summary}`);
  }
  if (required === "generalizer" && !verdict.deployable) {
    throw notMet(verdict, `The verdict is generalizer without out-of-distribution evidence. ${verdict.summary}`);
  }
  if (!subject) return;
  const { checkpoint, evaluation } = await getCheckpoint(ctx, model, subject);
  if (evaluation?.status !== "done") {
    throw notMet(verdict, `The checkpoint at step ${checkpoint.step} is not evaluated.`);
  }
  const settled = settledStep(verdict);
  if (settled !== null && checkpoint.step < settled) {
    throw notMet(
      verdict,
      `The checkpoint at step ${checkpoint.step} is from before the model settled at step ${settled}.`,
    );
  }
  if (verdict.asOfStep === null || checkpoint.step > verdict.asOfStep) {
    throw notMet(
      verdict,
      `The verdict stands as of step ${verdict.asOfStep}; step ${checkpoint.step} is not in it yet.`,
    );
  }
}

/** The step from which the last deciding split held its present level; null where none crossed within the log. */
function settledStep(verdict: StoredVerdict): number | null {
  const hasOod = verdict.evidence.splits.some(({ split }) => isOod(split));
  const crossings = verdict.transitions.filter(
    ({ kind, split }) => kind === "generalization" && (isOod(split) || !hasOod),
  );
  if (crossings.length === 0) return null;
  return Math.max(...crossings.map((crossing) => crossing.settledStep ?? Number.POSITIVE_INFINITY));
}

function isOod(split: string): boolean {
  return split.startsWith("ood");
}

function notMet(verdict: StoredVerdict, detail: string): DomainError {
  return new DomainError("verdict_not_met", detail, { verdict: verdict.verdict, asOfStep: verdict.asOfStep });
}
