import { and, eq, gte } from "drizzle-orm";
import { beforeAll, expect, test } from "vitest";
import { evaluations, shards } from "../../src/database/schema.ts";
import { claimUnit, releaseUnit, type ShardRow } from "../../src/services/evaluation/claim.ts";
import { newTeam, type Team } from "./service.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict } from "./trajectories.ts";

const [UNITS, SHARDS_OF_EACH, LEASE] = [3, 4, 60];
/** Behind the evaluation's own, which are done. */
const FIRST = 1000;

let team: Team;
let evaluationId: string;
beforeAll(async () => {
  team = await newTeam();
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.memorizer.slice(0, 1));
  await settledVerdict(team, id);
  const [evaluation] = await team.db.select().from(evaluations).where(eq(evaluations.modelId, id));
  if (!evaluation) throw new Error("there is no evaluation");
  // It is done: no evaluator of the stack looks at it again, whatever shards it has.
  evaluationId = evaluation.id;
});

const own = () => and(eq(shards.evaluationId, evaluationId), gte(shards.ordinal, FIRST));

async function openUnits(): Promise<void> {
  await team.db.delete(shards).where(own());
  const rows = Array.from({ length: UNITS * SHARDS_OF_EACH }, (_, n) => ({
    evaluationId,
    teamId: team.id,
    ordinal: FIRST + n,
    unit: FIRST + Math.floor(n / SHARDS_OF_EACH),
    split: "train",
    firstRow: 0,
    rows: 1,
  }));
  await team.db.insert(shards).values(rows);
}

const at = (seconds: number) => ({ db: team.db, now: () => new Date(1_800_000_000_000 + seconds * 1000) });

async function claimAll(): Promise<ShardRow[][]> {
  const claims: ShardRow[][] = [];
  for (;;) {
    const claimed = await claimUnit(at(0), evaluationId, LEASE);
    if (claimed.length === 0) return claims;
    claims.push(claimed);
  }
}

test("of many claimers at once each gets whole units, each unit goes to one, and none waits for another", async () => {
  for (let round = 0; round < 100; round += 1) {
    await openUnits();
    const claims = (await Promise.all(Array.from({ length: 4 }, claimAll))).flat();
    expect(claims.map((claimed) => claimed.length)).toEqual(new Array(UNITS).fill(SHARDS_OF_EACH));
    expect(claims.map(([shard]) => (shard?.unit ?? 0) - FIRST).sort()).toEqual([0, 1, 2]);
    expect(claims.every((claimed) => new Set(claimed.map(({ unit }) => unit)).size === 1)).toBe(true);
  }
}, 240_000);

test("claims and releases of the same units at once do not wait for each other in a circle", async () => {
  await openUnits();
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let turn = 0; turn < 60; turn += 1) {
        await releaseUnit(team, await claimUnit(at(0), evaluationId, LEASE), { uncount: turn % 2 === 0 });
      }
    }),
  );
  const left = await team.db.select().from(shards).where(own());
  expect(left.every(({ leaseUntil }) => leaseUntil === null)).toBe(true);
});

test("an evaluator that comes back late lets go of nothing that another has claimed since", async () => {
  await openUnits();
  const late = await claimUnit(at(0), evaluationId, LEASE);
  const since = await claimUnit(at(LEASE + 1), evaluationId, LEASE);
  expect(since.map(({ ordinal }) => ordinal)).toEqual(late.map(({ ordinal }) => ordinal));
  await releaseUnit(team, late, { uncount: true });
  const held = await team.db
    .select()
    .from(shards)
    .where(and(own(), eq(shards.unit, FIRST)));
  expect(held.map(({ attempts, leaseUntil }) => [attempts, leaseUntil])).toEqual(
    since.map(({ leaseUntil }) => [2, leaseUntil]),
  );
  await releaseUnit(team, since, { uncount: false });
  const [first] = await claimUnit(at(LEASE + 2), evaluationId, LEASE);
  expect(first).toMatchObject({ ordinal: FIRST, attempts: 3 });
});
