import { and, asc, eq } from "drizzle-orm";
import { expect, test, vi } from "vitest";
import { checkpoints, shards } from "../../src/database/schema.ts";
import type { Engine } from "../../src/evaluation/engine.ts";
import { newId } from "../../src/ids.ts";
import { queueEvaluation } from "../../src/services/evaluation/queue.ts";
import { workEvaluation } from "../../src/services/evaluation/work.ts";
import { getModel } from "../../src/services/model/internal.ts";
import { contextOf } from "./in-process.ts";
import { startPrivateStack } from "./private-stack.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, until } from "./service.ts";
import { ROWS, tableModel } from "./table-model.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict, trajectoryOf, verdictOf } from "./trajectories.ts";

// Compiled WebAssembly is what workerd's bundle brings; nothing is evaluated in this process.
vi.mock("../../src/evaluation/runtime.ts", () => ({}));

/** Nothing is asked of it: every shard is done, or held by another. */
const engine = {} as Engine;
const STEP = 1000;

test("a checkpoint whose evaluation is half in is in no verdict, and none behind it, until its last shard is", async () => {
  const stack = await startPrivateStack({ sweepEverySeconds: 3600 });
  try {
    const team = await newTeam(stack);
    const { id } = await newTableModel(team);
    await pushAll(team, id, SCRIPTS.memorizer);
    const before = await settledVerdict(team, id);
    expect(before.verdict).toBe("memorizer");
    const points = await trajectoryOf(team, id);

    // A checkpoint of bytes that are there, of which no evaluator hears; what is counted of it is perfect.
    const ctx = contextOf(team, ["push"]);
    const { suiteVersion } = await getModel(ctx, id);
    const [standing] = await team.db.select().from(checkpoints).where(eq(checkpoints.modelId, id)).limit(1);
    if (!standing) throw new Error("there is no checkpoint");
    const checkpoint = { ...standing, id: newId("checkpoint"), step: STEP };
    const { evaluationId } = await team.db.transaction(async (tx) => {
      await tx.insert(checkpoints).values(checkpoint);
      return await queueEvaluation(tx, { ...checkpoint, parameters: 0 }, suiteVersion);
    });
    const own = await team.db
      .select()
      .from(shards)
      .where(eq(shards.evaluationId, evaluationId))
      .orderBy(asc(shards.ordinal));
    expect(own.map(({ split }) => split)).toEqual(["train", "validation", "ood:shift"]);
    const ofShard = (ordinal: number) => and(eq(shards.evaluationId, evaluationId), eq(shards.ordinal, ordinal));
    const done = { correct: ROWS, total: ROWS, lossSum: 1, doneAt: new Date() };
    for (const { ordinal } of own.slice(0, -1)) await team.db.update(shards).set(done).where(ofShard(ordinal));
    const last = own.at(-1)?.ordinal ?? 0;
    // Another evaluator is at it.
    await team.db
      .update(shards)
      .set({ leaseUntil: new Date(Date.now() + 3_600_000) })
      .where(ofShard(last));

    const work = () => workEvaluation(ctx, engine, evaluationId, { leaseSeconds: 60 });
    const nothingIsJudged = async () => {
      expect(await verdictOf(team, id)).toEqual(before);
      const trajectory = await trajectoryOf(team, id);
      expect(trajectory.slice(0, points.length)).toEqual(points);
      expect(trajectory[points.length]).toMatchObject({ step: STEP });
      expect(trajectory[points.length]).not.toHaveProperty("splits");
      const asked = await team.call("GET", `/models/${id}/checkpoints/${STEP}/evaluation`);
      expect(asked.body).toMatchObject({ status: "queued", splits: [] });
      const gate = await team.call("GET", `/models/${id}/verdict?require=memorizer&step=${STEP}`);
      expectRefusal(gate, { status: 412, code: "verdict_not_met", says: `${STEP}` });
    };
    expect(await work()).toBe("nothing_to_do");
    await nothingIsJudged();

    // What comes after it is evaluated, and waits.
    const model = tableModel("perfect", { train: 1, validation: 1, "ood:shift": 1 });
    await team.client.pushCheckpoint(id, STEP + 10, model);
    await until("the evaluation of the step after", async () => {
      const { body } = await team.call("GET", `/models/${id}/checkpoints/${STEP + 10}/evaluation`);
      return body["status"] === "done";
    });
    await nothingIsJudged();
    expect(await work()).toBe("nothing_to_do");
    await nothingIsJudged();

    await team.db.update(shards).set(done).where(ofShard(last));
    expect(await work()).toBe("closed");
    expect(await verdictOf(team, id)).toMatchObject({ asOfStep: STEP + 10, checkpoints: before.checkpoints + 2 });
  } finally {
    await stack.close();
  }
});
