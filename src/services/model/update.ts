import { eq } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import type { Queryable } from "../../database/client.ts";
import { type ModelPolicy, models } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import { reviseModel } from "../judgement/revise-model.ts";
import { checkPolicy } from "./create.ts";
import { getModel, type PinnedModel } from "./internal.ts";
import { findTarget, moveModel, type WantedSuite } from "./move.ts";

/** What is left out stays as it is. */
export interface ModelChange {
  tags?: string[] | undefined;
  ensemble?: string | null | undefined;
  /** The whole policy: what it leaves out is at its default again. */
  policy?: ModelPolicy | undefined;
  /** Null: every checkpoint keeps its bytes. */
  keepEvery?: number | null | undefined;
  /** The version to be pinned to; without one, the suite's newest. */
  suite?: WantedSuite | undefined;
}

/**
 * Changes a model. Another policy judges all its points anew: what was announced under the old one is revised. Another
 * suite version begins another trajectory.
 * @throws DomainError `forbidden` where a key without the scope admin changes more than tags and ensemble;
 * `suite_unknown`, `input_mismatch`
 */
export async function updateModel(ctx: TeamContext, model: PinnedModel, change: ModelChange): Promise<PinnedModel> {
  const { suite, ...rest } = change;
  const { policy, keepEvery } = rest;
  for (const [name, value] of Object.entries({ policy, keepEvery, suite })) {
    if (value === undefined || ctx.actor.scopes.includes("admin")) continue;
    throw new DomainError("forbidden", `Only a key with the scope admin changes a model's ${name}: leave it out.`);
  }
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  // A change of what is kept is due at the next sweep.
  const values = { ...given, ...(keepEvery === undefined ? {} : { thinnedAt: null }) };
  const write = async (db: Queryable) => {
    if (Object.keys(values).length > 0) await db.update(models).set(values).where(eq(models.id, model.id));
  };
  if (policy) checkPolicy(policy);
  const target = suite && (await findTarget(ctx, model, suite));
  if (policy) {
    await reviseModel(ctx, model, write);
  } else await write(ctx.db);
  if (target) await moveModel(ctx, model, target);
  return await getModel(ctx, model.id);
}
