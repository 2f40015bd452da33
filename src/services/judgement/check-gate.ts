import { and, eq, isNull, lte, min } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { checkpoints, evaluations, type SplitCounts } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { decidingOf, holdsCeiling, isOod, type VerdictName } from "../../phases/judge.ts";
import { getCheckpoint } from "../checkpoint/get.ts";
import type { PinnedModel } from "../model/internal.ts";
import { getVerdict, type ServedVerdict } from "./get-verdict.ts";

/** What is about to be deployed: the model as it stands, or these very bytes. */
export type GateSubject = { step: number } | { digest: string } | null;

/**
 * The deploy gate. Passes where the verdict is the required one and, asked about certain bytes, where those are in it,
 * from when every deciding split had settled, and for a generalizer hold the ceiling themselves.
 * @throws DomainError `verdict_not_met`, with the verdict, or `checkpoint_not_found`
 */
export async function checkGate(
  ctx: TeamContext,
  model: PinnedModel,
  required: VerdictName,
  subject: GateSubject,
  { allowReported }: { allowReported: boolean } = { allowReported: false },
): Promise<ServedVerdict> {
  // Before the verdict: what is evaluated by now is in a verdict that is read later, and not the other way about.
  const asked = subject && (await readAsked(ctx, model, subject));
  const verdict = await getVerdict(ctx, model);
  if (verdict.verdict !== required) {
    throw notMet(verdict, `The verdict is ${verdict.verdict}, not ${required}. ${verdict.summary}`);
  }
  const unfinished = verdict.caveats.find(({ code }) => code === "backfilling");
  if (unfinished) throw notMet(verdict, unfinished.message);
  if (!allowReported && verdict.evidence.provenance !== "measured") {
    throw notMet(
      verdict,
      `The evidence is ${verdict.evidence.provenance}: it rests on results that were reported and not measured here. Add reported=allow to trust them.`,
    );
  }
  const deciding = decidingOf(model.suiteVersion.splits.map(({ name }) => name));
  if (required === "generalizer") checkEvidence(verdict, model, deciding);
  if (asked) {
    checkInVerdict(verdict, asked);
    checkSettled(verdict, asked.step, deciding);
    if (required === "generalizer") checkOwnResults(verdict, model, asked, deciding);
  } else if (required === "generalizer" && !verdict.deployable) {
    throw notMet(
      verdict,
      `The latest checkpoint, step ${verdict.asOfStep}, is far below the held level: ask about an earlier one with step= or digest=. ${verdict.summary}`,
    );
  }
  return verdict;
}

interface Asked {
  step: number;
  /** Null while it is not evaluated, or where it could not be. */
  results: Record<string, SplitCounts> | null;
  /** The first step up to this one whose evaluation is still to come. */
  pendingStep: number | null;
}

async function readAsked(ctx: TeamContext, model: PinnedModel, subject: NonNullable<GateSubject>): Promise<Asked> {
  const { checkpoint, evaluation } = await getCheckpoint(ctx, model, subject);
  const [pending] = await ctx.db
    .select({ step: min(evaluations.step) })
    .from(evaluations)
    .innerJoin(checkpoints, eq(checkpoints.id, evaluations.checkpointId))
    .where(
      and(
        eq(evaluations.teamId, ctx.actor.teamId),
        eq(evaluations.modelId, model.id),
        eq(evaluations.suiteVersionId, model.suiteVersionId),
        eq(evaluations.status, "queued"),
        lte(evaluations.step, checkpoint.step),
        isNull(checkpoints.supersededAt),
      ),
    );
  const results = evaluation?.status === "done" ? evaluation.results : null;
  return { step: checkpoint.step, results, pendingStep: pending?.step ?? null };
}

/** Whatever the checkpoint: validation cannot show a shortcut. */
function checkEvidence(verdict: ServedVerdict, model: PinnedModel, deciding: readonly string[]): void {
  if (deciding.some(isOod) || model.policy.allowValidation) return;
  throw notMet(verdict, `The verdict is generalizer without out-of-distribution evidence. ${verdict.summary}`);
}

function checkInVerdict(verdict: ServedVerdict, { step, results, pendingStep }: Asked): void {
  if (!results) throw notMet(verdict, `The checkpoint at step ${step} is not evaluated.`);
  const { asOfStep } = verdict;
  if (asOfStep === null || step > asOfStep) {
    throw notMet(verdict, `The verdict stands as of step ${asOfStep}; step ${step} is not in it yet.`);
  }
  // A late step: the verdict went past it, and may fall once it is in.
  if (pendingStep !== null) {
    throw notMet(
      verdict,
      `The verdict stands as of step ${asOfStep}; step ${pendingStep}, at or before step ${step}, is still being evaluated and not in it yet.`,
    );
  }
}

/** The bytes must be from when the last deciding split held its present level, where one crossed within the log. */
function checkSettled(verdict: ServedVerdict, step: number, deciding: readonly string[]): void {
  for (const name of deciding) {
    const transitions = verdict.transitions.filter(({ split }) => split === name);
    const last = transitions.findLast(({ kind }) => kind === "generalization");
    if (!last) continue;
    const { settledStep, detectedAtStep } = last;
    if (settledStep === null) {
      // One that a regression overtook never settles: where the split stands since is for its results to say.
      if (transitions.some((other) => other.kind === "regression" && other.detectedAtStep > detectedAtStep)) continue;
      throw notMet(verdict, `The crossing of ${name} that began at step ${last.onsetStep} has not settled yet.`);
    }
    if (step < settledStep) {
      throw notMet(verdict, `The checkpoint at step ${step} is from before the model settled at step ${settledStep}.`);
    }
  }
}

function checkOwnResults(
  verdict: ServedVerdict,
  model: PinnedModel,
  { step, results }: Asked,
  deciding: readonly string[],
): void {
  for (const { name, chance } of model.suiteVersion.splits.filter((split) => deciding.includes(split.name))) {
    const result = results?.[name];
    if (result && holdsCeiling(result, chance, model.policy)) continue;
    const found = result
      ? `${(result.correct / result.total).toFixed(2)} (${result.correct} of ${result.total})`
      : "unmeasured";
    throw notMet(verdict, `The checkpoint at step ${step} does not hold the ceiling itself: ${name} ${found}.`);
  }
}

function notMet(verdict: ServedVerdict, detail: string): DomainError {
  const { asOfStep, caveats } = verdict;
  return new DomainError("verdict_not_met", detail, { verdict: verdict.verdict, asOfStep, caveats });
}
