import type { TeamContext } from "../../context.ts";
import { type ModelPolicy, models } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { newId } from "../../ids.ts";
import { begin, TrajectoryError } from "../../phases/judge.ts";
import { latestVersion, whyNoVersion } from "../suite/internal.ts";
import { getModel, type PinnedModel } from "./internal.ts";
import { judgementPolicy } from "./policy.ts";

export interface NewModel {
  name: string;
  /** Name of a suite of the team: the model is pinned to its newest version. */
  suite: string;
  tags: string[];
  ensemble: string | null;
  policy: ModelPolicy;
  /** Each n-th checkpoint keeps its bytes; null: all. */
  keepEvery: number | null;
}

/**
 * Makes a model, or answers with the one of that name: training code that restarts posts again.
 * @throws DomainError `suite_unknown`; `name_taken` where the name belongs to a model of another suite
 */
export async function createModel(
  ctx: TeamContext,
  input: NewModel,
): Promise<{ model: PinnedModel; created: boolean }> {
  const { teamId, scopes } = ctx.actor;
  if (Object.keys(input.policy).length > 0 && !scopes.includes("admin")) {
    throw new DomainError("forbidden", "Only a key with the scope admin sets a model's policy: leave it out.");
  }
  if (input.keepEvery !== null && !scopes.includes("admin")) {
    throw new DomainError("forbidden", "Only a key with the scope admin sets a model's keepEvery: leave it out.");
  }
  const suite = await latestVersion(ctx.db, teamId, input.suite);
  if (!suite) {
    throw new DomainError("suite_unknown", await whyNoVersion(ctx, input.suite));
  }
  checkPolicy(input.policy);
  const inserted = await ctx.db
    .insert(models)
    .values({ ...input, id: newId("model"), teamId, suiteVersionId: suite.version.id })
    .onConflictDoNothing()
    .returning({ id: models.id });
  const model = await getModel(ctx, input.name);
  if (model.suiteName !== input.suite) {
    throw new DomainError(
      "name_taken",
      `The model "${input.name}" exists with the suite "${model.suiteName}": choose another name.`,
    );
  }
  return { model, created: inserted.length > 0 };
}

/** Numbers that are each in range can still define nothing together. */
export function checkPolicy(policy: ModelPolicy): void {
  try {
    begin({ policy: judgementPolicy(policy) });
  } catch (error) {
    if (error instanceof TrajectoryError) throw new DomainError("invalid_request", `${error.message}.`);
    throw error;
  }
}
