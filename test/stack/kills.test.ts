import { setTimeout as pause } from "node:timers/promises";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deliveries, evaluations } from "../../src/database/schema.ts";
import { Client } from "../../trainer/src/client/client.ts";
import { createRandom, type Random } from "../../trainer/src/random.ts";
import { expireUploads, sweptObjects } from "./objects.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { type Receiver, startReceiver } from "./receiver.ts";
import { newTeam, type Team, until } from "./service.ts";
import { tableModel } from "./table-model.ts";
import { newTableModel, pushAll, script, settledVerdict, trajectoryOf, withoutIds } from "./trajectories.ts";

const POINTS = script([1, 0.1, 0.1, 0.1], [14, 1, 0.1, 0.1, 60], [3, 1, 0.5, 0.5], [22, 1, 1, 1]);
const KILLS_OF_EACH = 10;
/** Give the one that a failure printed to see the same kills again. */
const SEED = Number(process.env["TEST_SEED"] ?? Date.now() % 1e6);

let stack: PrivateStack;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  stack = await startPrivateStack({ evaluationDeadlineSeconds: 5, bindings: { EVALUATION_LEASE_SECONDS: "3" } });
});
afterAll(async () => {
  await stack.close();
  await receiver.close();
});

/** kill -9 of both Workers in a random order, each time as soon as the one before has been replaced. */
async function killBoth(random: Random): Promise<void> {
  const victims = (["api", "evaluator"] as const).flatMap((name) => new Array<typeof name>(KILLS_OF_EACH).fill(name));
  const killed = new Set<number>();
  for (const victim of random.shuffle(victims)) {
    await pause(20 + 380 * random.uniform());
    const pid = await until(`a ${victim} to kill`, async () => {
      const alive = stack.pids()[victim];
      return alive !== null && !killed.has(alive) && alive;
    });
    killed.add(pid);
    process.kill(pid, "SIGKILL");
  }
}

/** A training run's pace, with the client that a training run has. */
async function pushSlowly(team: Team, modelId: string, random: Random): Promise<void> {
  const client = new Client({ url: team.service.url, key: team.key, retry: { firstWaitMs: 50, longestWaitMs: 500 } });
  const left = [...POINTS];
  const push = async () => {
    for (let point = left.shift(); point; point = left.shift()) {
      await client.pushCheckpoint(modelId, point.step, tableModel(`step ${point.step}`, point.accuracies));
      await pause(400 * random.uniform());
    }
  };
  await Promise.all([push(), push()]);
}

test(`twenty kills lose and repeat nothing (TEST_SEED=${SEED})`, async () => {
  const team = await newTeam(stack);
  const calm = await newTableModel(team);
  await pushAll(team, calm.id, POINTS);
  const want = { verdict: await settledVerdict(team, calm.id), points: await trajectoryOf(team, calm.id) };
  expect(want.verdict).toMatchObject({ verdict: "generalizer", route: "grokked", checkpoints: POINTS.length });

  const stormy = await newTableModel(team);
  await team.call("POST", "/webhooks", { body: { url: receiver.url } });
  await Promise.all([killBoth(createRandom(SEED, "kills")), pushSlowly(team, stormy.id, createRandom(SEED, "pushes"))]);
  const verdict = await settledVerdict(team, stormy.id);
  expect(withoutIds(verdict)).toEqual(withoutIds(want.verdict));
  expect(await trajectoryOf(team, stormy.id)).toEqual(want.points);
  const rows = await team.db.select().from(evaluations).where(eq(evaluations.modelId, stormy.id));
  expect(rows.map(({ status }) => status)).toEqual(POINTS.map(() => "done"));

  const told = await until("every delivery made", async () => {
    const all = await team.db.select().from(deliveries).where(eq(deliveries.teamId, team.id));
    return all.every(({ status }) => status === "delivered") && all;
  });
  const ids = told.map(({ eventId }) => eventId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set(ids));
  const events = told.sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ body }) => JSON.parse(body));
  const detected = events.filter(({ type }) => type === "transition.detected").map(({ data }) => data.transition.id);
  expect(detected.sort()).toEqual(verdict.transitions.map(({ id }) => id).sort());
  const changes = events.filter(({ type }) => type === "verdict.changed").map(({ data }) => data);
  expect(changes.map(({ from }) => from)).toEqual([
    "insufficient_evidence",
    ...changes.slice(0, -1).map((d) => d.verdict),
  ]);
  expect(changes.at(-1)).toMatchObject({ verdict: "generalizer" });

  // What the killed were about to store is found by its upload, once its sender counts as dead.
  await expireUploads(team);
  // Both models have the same checkpoints, and a suite each.
  expect(await sweptObjects(team)).toHaveLength(POINTS.length + 2);
}, 240_000);
