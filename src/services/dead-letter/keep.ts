import { eq } from "drizzle-orm";
import type { Context } from "../../context.ts";
import { deadLetters, deliveries, evaluations, models, uploads } from "../../database/schema.ts";
import { newId } from "../../ids.ts";

/** The members of messages that name a row, and the tables of the rows. */
const NAMED = { evaluationId: evaluations, uploadId: uploads, deliveryId: deliveries, movedModelId: models } as const;

/**
 * Writes down a message that its queue has given up, under the team of the row that it names. Nothing is lost with it:
 * the sweep finds the row. It is kept so that somebody can see that, and what, went wrong again and again.
 */
export async function keepDeadLetter(ctx: Context, messageId: string, body: unknown): Promise<void> {
  const teamId = await teamOf(ctx, body);
  await ctx.db
    .insert(deadLetters)
    .values({ id: newId("deadLetter"), teamId, messageId, body: body ?? null })
    .onConflictDoNothing();
  ctx.log("error", "message.dead", { messageId, teamId, body });
}

async function teamOf({ db }: Context, body: unknown): Promise<string | null> {
  const members = new Map(Object.entries(Object(body)));
  for (const [member, table] of Object.entries(NAMED)) {
    const id = members.get(member);
    if (typeof id !== "string") continue;
    const [row] = await db.select({ teamId: table.teamId }).from(table).where(eq(table.id, id));
    if (row) return row.teamId;
  }
  return null;
}
