import { and, eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { evaluations, shards } from "../../src/database/schema.ts";
import { tedious } from "./hostile-models.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { newTeam, until } from "./service.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict, trajectoryOf } from "./trajectories.ts";

let stack: PrivateStack;
beforeAll(async () => {
  // Attempts follow each other as fast as the sweep finds that the lease has run out.
  stack = await startPrivateStack({ evaluationDeadlineSeconds: 2, bindings: { EVALUATION_LEASE_SECONDS: "3" } });
});
afterAll(() => stack.close());

test("an evaluation that takes too long is ended, fails after five attempts, and holds up neither the API nor another team", async () => {
  const team = await newTeam(stack);
  const { id } = await newTableModel(team);
  const [start, after] = SCRIPTS.memorizer;
  if (!start || !after) throw new Error("the script is empty");
  await pushAll(team, id, [start]);
  const pushed = await team.call("PUT", `/models/${id}/checkpoints/5`, { body: tedious("tedious") });
  expect(pushed.status).toBe(202);
  await pushAll(team, id, [after]);
  const other = await newTeam(stack);
  const others = await newTableModel(other);

  const attemptsOf = async () => {
    const claimed = await team.db
      .select({ attempts: shards.attempts })
      .from(shards)
      .innerJoin(evaluations, eq(evaluations.id, shards.evaluationId))
      .where(and(eq(evaluations.modelId, id), eq(evaluations.step, 5)));
    return Math.max(...claimed.map(({ attempts }) => attempts));
  };
  await until("the first attempt under way", async () => (await attemptsOf()) >= 1);
  // The API has a Worker of its own: held up, it would answer the first of these once the attempt is over.
  let answers = 0;
  for (; (await attemptsOf()) === 1; answers++) {
    expect((await team.call("GET", `/models/${id}/verdict`)).status).toBe(200);
  }
  expect(answers).toBeGreaterThan(5);
  await pushAll(other, others.id, [start, after]);
  expect(await settledVerdict(other, others.id)).toMatchObject({ asOfStep: 10, checkpoints: 2 });

  expect(await settledVerdict(team, id)).toMatchObject({ asOfStep: 10, checkpoints: 2 });
  const [, point] = await trajectoryOf(team, id);
  expect(point?.failure).toMatchObject({ code: "evaluator_died", message: expect.stringContaining("5 attempts") });
  // The sixth claim is the one that found out.
  expect(await attemptsOf()).toBe(6);
  // Five for this one; a busy machine may be late with a good one, which is tried again.
  expect(stack.lines.filter((line) => line.includes("has not ended after")).length).toBeGreaterThanOrEqual(5);
});
