import type { TeamContext } from "../../context.ts";
import { DomainError } from "../../errors.ts";
import { getVerdict } from "../judgement/get-verdict.ts";
import type { IdentifiedTransition } from "../judgement/ledger.ts";
import { getModelOn, type PinnedModel } from "../model/internal.ts";
import type { Compared } from "./compare.ts";

/** Which two checkpoints: by their steps, or those that a transition lies between. */
export type AskedPair = { transition: string } | { step: number; with: { model: string | null; step: number } };

export interface Pair {
  before: Compared;
  after: Compared;
  /** What lies between the two, where it was asked for. */
  transition: IdentifiedTransition | null;
}

/**
 * A transition lies between its onset and the step by which it had settled; of one that has not settled, the step at
 * which it was detected.
 * @param suite the version of both; null for the one that each model is pinned to
 * @throws DomainError `model_not_found`, `suite_not_found`, `transition_not_found`
 */
export async function findPair(
  ctx: TeamContext,
  model: PinnedModel,
  asked: AskedPair,
  suite: string | undefined,
): Promise<Pair> {
  if ("transition" in asked) {
    const transition = await findTransition(ctx, model, asked.transition);
    const { onsetStep, settledStep, detectedAtStep } = transition;
    const after = { model, step: settledStep ?? detectedAtStep };
    return { before: { model, step: onsetStep }, after, transition };
  }
  const { model: other, step } = asked.with;
  const before = { model: other === null ? model : await getModelOn(ctx, other, suite), step };
  return { before, after: { model, step: asked.step }, transition: null };
}

async function findTransition(ctx: TeamContext, model: PinnedModel, id: string): Promise<IdentifiedTransition> {
  const { transitions } = await getVerdict(ctx, model);
  const transition = transitions.find((each) => each.id === id);
  if (transition) return transition;
  const standing = transitions.map((each) => `${each.id} (${each.kind} of ${each.split})`).join(", ");
  throw new DomainError(
    "transition_not_found",
    `"${model.name}" has no transition "${id}" that stands: it has ${standing || "none"}.`,
  );
}
