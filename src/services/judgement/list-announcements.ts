import { asc } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { announcements } from "../../database/schema.ts";
import type { PinnedModel } from "../model/internal.ts";
import { ofLedger } from "./key.ts";
import type { IdentifiedTransition } from "./ledger.ts";

/** A line of the ledger as it was written. */
export interface LedgerLine {
  position: number;
  type: "detected" | "settled" | "revised" | "retracted";
  asOfStep: number;
  /** RFC 3339. */
  at: string;
  transition: IdentifiedTransition;
}

/** What was announced about a model on the suite version that it was asked for on, in the order in which it was said. */
export async function listAnnouncements(ctx: TeamContext, model: PinnedModel): Promise<LedgerLine[]> {
  const rows = await ctx.db
    .select()
    .from(announcements)
    .where(ofLedger({ teamId: ctx.actor.teamId, modelId: model.id, suiteVersionId: model.suiteVersionId }))
    .orderBy(asc(announcements.position));
  return rows.map(({ position, type, asOfStep, createdAt, transitionId, transition }) => ({
    position,
    type,
    asOfStep,
    at: createdAt.toISOString(),
    transition: { id: transitionId, ...transition },
  }));
}
