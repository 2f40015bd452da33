import { and, eq, inArray, lte, sql } from "drizzle-orm";
import type { Context } from "../../context.ts";
import { deliveries, webhooks } from "../../database/schema.ts";

export type DeliveryRow = typeof deliveries.$inferSelect;
export type WebhookRow = typeof webhooks.$inferSelect;
export interface Claimed {
  delivery: DeliveryRow;
  webhook: WebhookRow;
}

/** For as long as this an attempt in hand is nobody else's: longer than resolving, sending and recording may take. */
const LEASE_MS = 60_000;

/** So many teams at a time: of each, as many rows are locked for a moment as it may have in hand. */
const MOST_TEAMS = 8;

export interface Turn {
  /** How many to claim. */
  most: number;
  /** How many of one team may be in hand at once, and how many of each are. */
  mostOfTeam: number;
  inHand: ReadonlyMap<string, number>;
}

/**
 * Claims deliveries that are due, the oldest of each team, and teams take turns: a flood of one team's leaves the
 * others their place. Counts the attempt before it starts, and keeps others off while it lasts.
 */
export async function claimDue({ db, now }: Pick<Context, "db" | "now">, turn: Turn): Promise<Claimed[]> {
  const time = now();
  const rows = await db
    .update(deliveries)
    .set({ attempts: sql`${deliveries.attempts} + 1`, nextAttemptAt: new Date(time.getTime() + LEASE_MS) })
    // An array is evaluated once; a subquery might be run again for every row, and each run would lock others.
    .where(
      and(
        sql`${deliveries.id} = any(array(${chosen(time, turn)}))`,
        eq(deliveries.status, "pending"),
        lte(deliveries.nextAttemptAt, time),
      ),
    )
    .returning();
  if (rows.length === 0) return [];
  const webhookIds = [...new Set(rows.map(({ webhookId }) => webhookId))];
  const found = await db.select().from(webhooks).where(inArray(webhooks.id, webhookIds));
  const byId = new Map(found.map((webhook) => [webhook.id, webhook]));
  return rows.flatMap((delivery) => {
    const webhook = byId.get(delivery.webhookId);
    // Deleted this moment, and its deliveries with it.
    return webhook ? [{ delivery, webhook }] : [];
  });
}

/** Gives back what was claimed and not begun: its attempt is not counted, and it is due at once. */
export async function releaseClaimed({ db, now }: Pick<Context, "db" | "now">, claimed: readonly Claimed[]) {
  for (const { delivery } of claimed) {
    await db
      .update(deliveries)
      .set({ attempts: sql`${deliveries.attempts} - 1`, nextAttemptAt: now() })
      .where(
        and(
          eq(deliveries.id, delivery.id),
          eq(deliveries.status, "pending"),
          eq(deliveries.attempts, delivery.attempts),
        ),
      );
  }
}

/**
 * Walks from team to team through the index of what is pending, so that the cost grows with the teams that wait and
 * with what is claimed, not with what is due or kept. Whose turn it is among equals is drawn by lot, which needs no
 * state that consumers would have to share.
 */
function chosen(time: Date, { most, mostOfTeam, inHand }: Turn) {
  const at = time.toISOString();
  const held = JSON.stringify(Object.fromEntries(inHand));
  return sql`
    with recursive waiting as (
      (select team_id from deliveries where status = 'pending' order by team_id limit 1)
      union all
      select (
        select d.team_id from deliveries d
        where d.status = 'pending' and d.team_id > w.team_id order by d.team_id limit 1
      ) from waiting w where w.team_id is not null
    ), drawn as (
      select w.team_id, ${mostOfTeam}::int - coalesce((${held}::jsonb ->> w.team_id)::int, 0) as open
      from waiting w
      where w.team_id is not null
        and coalesce((${held}::jsonb ->> w.team_id)::int, 0) < ${mostOfTeam}::int
        and exists (
          select from deliveries d
          where d.team_id = w.team_id and d.status = 'pending' and d.next_attempt_at <= ${at}::timestamptz
        )
      order by random() limit ${MOST_TEAMS}
    ), due as (
      select d.id, row_number() over (partition by drawn.team_id order by d.next_attempt_at, d.id) as turn
      from drawn cross join lateral (
        select id, next_attempt_at from deliveries
        where team_id = drawn.team_id and status = 'pending' and next_attempt_at <= ${at}::timestamptz
        order by next_attempt_at, id limit drawn.open
        for update skip locked
      ) d
    )
    select id from due order by turn, random() limit ${most}`;
}
