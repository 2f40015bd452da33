import { sql } from "drizzle-orm";
import type { Context } from "../../context.ts";

/**
 * The oldest evaluation with work that nobody holds, of a team drawn by lot among those that have one. Walks from team
 * to team through the index of what is queued, so the cost grows with the teams that wait.
 */
export async function drawEvaluation({ db, now }: Pick<Context, "db" | "now">): Promise<string | null> {
  const at = now().toISOString();
  const { rows } = await db.execute<{ id: string }>(sql`
    with recursive waiting as (
      (select team_id from evaluations where status = 'queued' order by team_id limit 1)
      union all
      select (
        select e.team_id from evaluations e
        where e.status = 'queued' and e.team_id > w.team_id order by e.team_id limit 1
      ) from waiting w where w.team_id is not null
    )
    select oldest.id
    from waiting cross join lateral (
      select e.id from evaluations e
      where e.team_id = waiting.team_id and e.status = 'queued' and (
        exists (
          select from evaluation_shards s where s.evaluation_id = e.id and s.done_at is null
            and (s.lease_until is null or s.lease_until < ${at}::timestamptz)
        )
        or not exists (select from evaluation_shards s where s.evaluation_id = e.id and s.done_at is null)
      )
      order by e.created_at limit 1
    ) oldest
    order by random() limit 1`);
  return rows[0]?.id ?? null;
}
