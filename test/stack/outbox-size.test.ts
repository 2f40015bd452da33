import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createArtifactStore } from "../../src/artifacts/store.ts";
import type { Context } from "../../src/context.ts";
import { deliveries, webhooks } from "../../src/database/schema.ts";
import { newId } from "../../src/ids.ts";
import { claimDue } from "../../src/services/delivery/claim.ts";
import { newSecret } from "../../src/services/delivery/sign.ts";
import { sweep } from "../../src/services/sweep/sweep.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { newTeam, type Team } from "./service.ts";

const KEPT = 100_000;
const DUE = 10;
/** Teams that all wait for their receivers. */
const TEAMS = 20;

/** Nobody else reads this stack's deliveries: its own sweep does not come by. */
let stack: PrivateStack;
beforeAll(async () => {
  stack = await startPrivateStack({ sweepEverySeconds: 3600 });
});
afterAll(() => stack.close());

async function subscribe(team: Team): Promise<string> {
  const id = newId("webhook");
  const row = { id, teamId: team.id, url: "http://127.0.0.1:9/", secret: newSecret(), events: ["verdict.changed"] };
  await team.db.insert(webhooks).values(row);
  return id;
}

/** Deliveries, half of them over, half due tomorrow; or all due. */
async function keep(team: Team, webhookId: string, count: number, due: boolean): Promise<void> {
  await team.db.execute(sql`
    insert into deliveries (id, team_id, webhook_id, event_id, event_type, body, status, next_attempt_at)
    select 'dlv_' || gen_random_uuid(), ${team.id}, ${webhookId}, 'evt_' || gen_random_uuid(), 'verdict.changed', '{}',
      case when ${due}::boolean or n % 2 = 0 then 'pending' else 'delivered' end,
      now() + case when ${due}::boolean then interval '-1 minute' else interval '1 day' end
    from generate_series(1, ${count}::int) as n`);
}

/** How many of the deliveries' rows and index entries Postgres itself counted while something was done. */
async function rowsRead({ db }: Team, work: (ctx: Context) => Promise<void>) {
  // One transaction: the numbers are its own, and another session's are not among them.
  return await db.transaction(async (tx) => {
    const ctx: Context = {
      // A transaction has every verb of a database but the one that ends it, and nothing here does.
      db: tx as unknown as Context["db"],
      artifacts: createArtifactStore(stack.connection.s3),
      queues: { evaluations: { send: async () => {} }, deliveries: { send: async () => {} } },
      now: () => new Date(),
      log: (_level, event, fields) => {
        throw new Error(`${event}: ${JSON.stringify(fields)}`);
      },
    };
    const read = async () => {
      const { rows } = await tx.execute<{ table: string; index: string }>(sql`
        select sum(seq_tup_read) as table, sum(idx_tup_fetch) as index
        from pg_stat_xact_user_tables where relname = 'deliveries'`);
      return { bySequentialScan: Number(rows[0]?.table), byIndex: Number(rows[0]?.index) };
    };
    const before = await read();
    await work(ctx);
    const after = await read();
    return {
      bySequentialScan: after.bySequentialScan - before.bySequentialScan,
      byIndex: after.byIndex - before.byIndex,
    };
  });
}

test.each(["before its table was analysed", "after"])(
  "what a claim and a sweep read grows with what is due, not with what is kept: %s",
  async (when) => {
    const kept = await Promise.all(Array.from({ length: TEAMS }, () => newTeam(stack)));
    const [team] = kept;
    if (!team) throw new Error("there is no team");
    await team.db.delete(webhooks);
    for (const one of kept) await keep(one, await subscribe(one), KEPT / TEAMS, false);
    const webhookId = await subscribe(team);
    await keep(team, webhookId, DUE, true);
    if (when === "after") await team.db.execute(sql`analyze deliveries`);

    // What is relied on below: a scan would be seen.
    const scanned = await rowsRead(team, async ({ db }) => {
      await db.select().from(deliveries).where(eq(deliveries.body, "none"));
    });
    expect(scanned.bySequentialScan).toBeGreaterThanOrEqual(KEPT);

    const swept = await rowsRead(team, async (ctx) => {
      expect(await sweep(ctx, { hintAfterSeconds: 60 })).toMatchObject({ deliveries: DUE });
    });
    expect(swept.bySequentialScan).toBe(0);
    expect(swept.byIndex).toBeLessThan(10 * DUE);

    const claimed = await rowsRead(team, async (ctx) => {
      expect(await claimDue(ctx, { most: 100, open: new Map(), openOfOthers: 100 })).toHaveLength(DUE);
    });
    expect(claimed.bySequentialScan).toBe(0);
    expect(claimed.byIndex).toBeLessThan(10 * DUE + 10 * TEAMS);
    await team.db.delete(deliveries).where(eq(deliveries.webhookId, webhookId));
  },
);
