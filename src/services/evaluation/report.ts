import { and, eq, ne, or } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { evaluations } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { getCheckpoint } from "../checkpoint/get.ts";
import { reviseJudgement } from "../judgement/advance.ts";
import { lockModel, type PinnedModel, stillMoving } from "../model/internal.ts";
import { type EvaluationDetail, getEvaluation } from "./get.ts";
import { checkReport, parseReport, readReport } from "./read-report.ts";
import { isObject, type Mapping } from "./reports/report.ts";

/**
 * Takes in what somebody measured elsewhere, for a checkpoint that could not be evaluated here: its provenance is kept.
 * Reported again, the later report holds; what was measured here is never replaced.
 * @throws DomainError `invalid_request`, `invalid_evaluation`, `evaluation_measured`, `checkpoint_not_found`, `model_moving`
 */
export async function reportEvaluation(
  ctx: TeamContext,
  model: PinnedModel,
  step: number,
  { text, ...mapping }: Omit<Mapping, "splits"> & { text: string },
): Promise<EvaluationDetail & { changed: boolean }> {
  const { suiteVersion } = model;
  const report = readReport(parseReport(text), { ...mapping, splits: suiteVersion.splits.map(({ name }) => name) });
  checkReport(report, suiteVersion.splits);
  const { evaluation } = await getCheckpoint(ctx, model, { step });
  if (!evaluation || evaluation.status === "queued") throw measured(step, "is to be evaluated here");
  const same = isObject(evaluation.results) && sameCounts(evaluation.results, report.splits);
  if (evaluation.provenance === "reported" && same) {
    return { ...(await getEvaluation(ctx, model, step)), changed: false };
  }
  await reviseJudgement(ctx, evaluation, async (tx) => {
    if ((await lockModel(tx, model, "share")) !== evaluation.suiteVersionId) throw stillMoving(model);
    const taken = await tx
      .update(evaluations)
      .set({
        ...{ status: "done", results: report.splits, provenance: "reported", source: report.source },
        ...{ failureCode: null, failureMessage: null, finishedAt: ctx.now() },
      })
      .where(
        and(
          eq(evaluations.id, evaluation.id),
          ne(evaluations.status, "queued"),
          or(eq(evaluations.status, "failed"), eq(evaluations.provenance, "reported")),
        ),
      )
      .returning({ id: evaluations.id });
    if (taken.length === 0) throw measured(step, "was evaluated here");
  });
  return { ...(await getEvaluation(ctx, model, step)), changed: true };
}

/** Postgres keeps the keys of an object in an order of its own. */
function sameCounts(a: NonNullable<typeof evaluations.$inferSelect.results>, b: typeof a): boolean {
  return Object.keys(b).every((split) => {
    const [one, other] = [a[split], b[split]];
    return one?.correct === other?.correct && one?.total === other?.total && one?.loss === other?.loss;
  });
}

function measured(step: number, what: string): DomainError {
  return new DomainError(
    "evaluation_measured",
    `Step ${step} ${what}: a report is taken only of what this service cannot evaluate.`,
  );
}
