import { and, desc, eq, lt } from "drizzle-orm";
import type { TeamContext } from "../../context.ts";
import { deadLetters } from "../../database/schema.ts";

export type DeadLetterRow = typeof deadLetters.$inferSelect;

/** A team's dead letters, newest first. `before` is the last id of the page before. */
export async function listDeadLetters(
  ctx: TeamContext,
  page: { limit: number; before: string | undefined },
): Promise<DeadLetterRow[]> {
  return await ctx.db
    .select()
    .from(deadLetters)
    .where(and(eq(deadLetters.teamId, ctx.actor.teamId), page.before ? lt(deadLetters.id, page.before) : undefined))
    .orderBy(desc(deadLetters.id))
    .limit(page.limit);
}
