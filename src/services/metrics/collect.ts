import { and, count, eq, gt, isNotNull, isNull, lte, min, type SQL, sql } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";
import type { Context } from "../../context.ts";
import { deadLetters, deliveries, deliveryAttempts, evaluations, uploads } from "../../database/schema.ts";
import type { Family } from "./render.ts";
import { requestFamilies } from "./requests.ts";

const HOUR_MS = 60 * 60 * 1000;
const QUANTILES = [0.5, 0.99] as const;

type Reading = Pick<Context, "db" | "now">;

/**
 * What waits and for how long, and what the last hour brought. The cost grows with what waits and with an hour's
 * work, not with what is kept.
 * @param teamId of one team, or of the whole deployment: then with the requests that it has answered
 */
export async function collectMetrics(ctx: Reading, teamId: string | null): Promise<Family[]> {
  const of = (column: PgColumn) => (teamId === null ? undefined : eq(column, teamId));
  const queries = { ctx, of, since: new Date(ctx.now().getTime() - HOUR_MS) };
  return (
    await Promise.all([
      waitingEvaluations(queries),
      outbox(queries),
      finished(queries),
      attempted(queries),
      rest(queries),
      teamId === null ? requestFamilies(ctx.db) : [],
    ])
  ).flat();
}

interface Queries {
  ctx: Reading;
  of: (column: PgColumn) => SQL | undefined;
  since: Date;
}

async function waitingEvaluations({ ctx, of }: Queries): Promise<Family[]> {
  const [row] = await ctx.db
    .select({ waiting: count(), oldest: min(evaluations.createdAt) })
    .from(evaluations)
    .where(and(eq(evaluations.status, "queued"), of(evaluations.teamId)));
  return [
    gauge("evaluations_queued", "Evaluations that are not finished.", row?.waiting ?? 0),
    gauge("evaluation_queue_age_seconds", "Age of the oldest of them.", age(ctx, row?.oldest ?? null)),
  ];
}

async function outbox({ ctx, of }: Queries): Promise<Family[]> {
  const pending = and(eq(deliveries.status, "pending"), of(deliveries.teamId));
  const [all] = await ctx.db.select({ pending: count() }).from(deliveries).where(pending);
  const [due] = await ctx.db
    .select({ count: count(), oldest: min(deliveries.nextAttemptAt) })
    .from(deliveries)
    .where(and(pending, lte(deliveries.nextAttemptAt, ctx.now())));
  return [
    gauge("deliveries_pending", "Deliveries that are to be sent, now or later.", all?.pending ?? 0),
    gauge("deliveries_due", "Deliveries that are to be sent now.", due?.count ?? 0),
    gauge("outbox_age_seconds", "For how long the oldest of those has been due.", age(ctx, due?.oldest ?? null)),
  ];
}

async function finished({ ctx, of, since }: Queries): Promise<Family[]> {
  const seconds = sql`extract(epoch from ${evaluations.finishedAt} - ${evaluations.createdAt})`;
  const rows = await ctx.db
    .select({ status: evaluations.status, count: count(), quantiles: quantilesOf(seconds) })
    .from(evaluations)
    .where(and(gt(evaluations.finishedAt, since), of(evaluations.teamId)))
    .groupBy(evaluations.status);
  const done = rows.find(({ status }) => status === "done")?.quantiles ?? null;
  return [
    {
      name: "curie_point_evaluations_finished",
      help: "Evaluations finished in the last hour.",
      samples: ["done", "failed"].map((status) => ({
        labels: { status },
        value: rows.find((row) => row.status === status)?.count ?? 0,
      })),
    },
    quantiles("evaluation_seconds", "From a checkpoint's answer to its evaluation's end, in the last hour.", done),
  ];
}

async function attempted({ ctx, of, since }: Queries): Promise<Family[]> {
  const recent = and(gt(deliveryAttempts.startedAt, since), of(deliveryAttempts.teamId));
  const [made] = await ctx.db
    .select({
      delivered: sql<string>`count(*) filter (where ${isNull(deliveryAttempts.error)})`,
      failed: sql<string>`count(*) filter (where ${isNotNull(deliveryAttempts.error)})`,
      latency: quantilesOf(sql`${deliveryAttempts.latencyMs} / 1000.0`),
    })
    .from(deliveryAttempts)
    .where(recent);
  const arrival = sql`extract(epoch from ${deliveries.deliveredAt} - ${deliveries.createdAt})`;
  const [arrived] = await ctx.db
    .select({ seconds: quantilesOf(arrival) })
    .from(deliveryAttempts)
    .innerJoin(deliveries, eq(deliveries.id, deliveryAttempts.deliveryId))
    .where(and(recent, isNull(deliveryAttempts.error)));
  return [
    {
      name: "curie_point_delivery_attempts",
      help: "Attempts to deliver that ended in the last hour.",
      samples: [
        { labels: { outcome: "delivered" }, value: Number(made?.delivered ?? 0) },
        { labels: { outcome: "failed" }, value: Number(made?.failed ?? 0) },
      ],
    },
    quantiles(
      "delivery_attempt_seconds",
      "Time that receivers took to answer, in the last hour.",
      made?.latency ?? null,
    ),
    quantiles("delivery_seconds", "From an event to its arrival, in the last hour.", arrived?.seconds ?? null),
  ];
}

async function rest({ ctx, of }: Queries): Promise<Family[]> {
  const [verifying] = await ctx.db
    .select({ count: count() })
    .from(uploads)
    .where(and(eq(uploads.status, "verifying"), of(uploads.teamId)));
  const [letters] = await ctx.db.select({ count: count() }).from(deadLetters).where(of(deadLetters.teamId));
  return [
    gauge("uploads_verifying", "Uploads that are still to be read back.", verifying?.count ?? 0),
    gauge("dead_letters", "Messages that their queue gave up in the last 30 days.", letters?.count ?? 0),
  ];
}

function gauge(name: string, help: string, value: number): Family {
  return { name: `curie_point_${name}`, help, samples: [{ value }] };
}

/** Without anything to measure there are no samples: a zero would be a lie. */
function quantiles(name: string, help: string, values: readonly number[] | null): Family {
  const samples = QUANTILES.flatMap((quantile, n) => {
    const value = values?.[n];
    return value === undefined ? [] : [{ labels: { quantile: `${quantile}` }, value }];
  });
  return { name: `curie_point_${name}`, help, samples };
}

const quantilesOf = (seconds: SQL) =>
  sql<number[] | null>`percentile_cont(array[${sql.raw(QUANTILES.join(","))}]) within group (order by ${seconds})`;

/** In seconds; 0 where nothing waits. */
function age(ctx: Reading, oldest: Date | null): number {
  return oldest === null ? 0 : Math.max(0, (ctx.now().getTime() - oldest.getTime()) / 1000);
}
