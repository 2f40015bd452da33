import { and, eq, lte, sql } from "drizzle-orm";
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

/** So many teams at a time: of each, as many rows are locked for a moment as may be claimed of it. */
const MOST_TEAMS = 8;

export interface Turn {
  /** How many to claim. */
  most: number;
  /** How many of these teams may be claimed, and how many of each other. */
  open: ReadonlyMap<string, number>;
  openOfOthers: number;
}

/**
 * Claims deliveries that are due, the oldest of each team, and teams take turns: a flood of one team's leaves the
 * others their place. Counts the attempt before it starts, and keeps others off while it lasts.
 */
export async function claimDue({ db, now }: Pick<Context, "db" | "now">, turn: Turn): Promise<Claimed[]> {
  const time = now();
  const claimed = db.$with("claimed").as(
    db
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
      .returning(),
  );
  const rows = await db.with(claimed).select().from(claimed).innerJoin(webhooks, eq(webhooks.id, claimed.webhookId));
  return rows.map(({ claimed: delivery, webhooks: webhook }) => ({ delivery, webhook }));
}

/** Gives back what was claimed and not begun: its attempt is not counted, and it is due at once. */
export async function releaseClaimed({ db, now }: Pick<Context, "db" | "now">, claimed: readonly Claimed[]) {
  const held = claimed.map(({ delivery: { id, attempts } }) => ({ id, attempts }));
  await db.execute(sql`
    update deliveries d set
      attempts = d.attempts - 1, attempts_before = least(d.attempts_before, d.attempts - 1),
      next_attempt_at = ${now().toISOString()}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(held)}::jsonb) as held(id text, attempts int)
    where d.id = held.id and d.attempts = held.attempts and d.status <> 'delivered'`);
}

/**
 * Walks from team to team through the index of what is pending, so that the cost grows with the teams that wait and
 * with what is claimed, not with what is due or kept. Whose turn it is among equals is drawn by lot, which needs no
 * state that consumers would have to share.
 */
function chosen(time: Date, { most, open, openOfOthers }: Turn) {
  const at = time.toISOString();
  const known = JSON.stringify(Object.fromEntries(open));
  const openOf = sql`coalesce((${known}::jsonb ->> w.team_id)::int, ${openOfOthers}::int)`;
  return sql`
    with recursive waiting as (
      (select team_id from deliveries where status = 'pending' order by team_id limit 1)
      union all
      select (
        select d.team_id from deliveries d
        where d.status = 'pending' and d.team_id > w.team_id order by d.team_id limit 1
      ) from waiting w where w.team_id is not null
    ), drawn as (
      select w.team_id, ${openOf} as open
      from waiting w
      where w.team_id is not null
        and ${openOf} > 0
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
