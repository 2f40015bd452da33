import { and, eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluations, shards } from "../../src/database/schema.ts";
import { bomb, impossibleShapes, lateBomb, smallTable, tedious, unknownOperator } from "./hostile-models.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { newTeam, type Team, until } from "./service.ts";
import { ROWS } from "./table-model.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict, trajectoryOf } from "./trajectories.ts";

interface CheckpointDocument {
  step: number;
  evaluation: { status: string; failure?: { code: string; message: string } };
}

const push = (team: Team, id: string, step: number, body: Uint8Array<ArrayBuffer>) =>
  team.call("PUT", `/models/${id}/checkpoints/${step}`, { body });

const ended = (team: Team, id: string, step: number, seconds?: number) =>
  until(
    `an end of the evaluation of step ${step}`,
    async () => {
      const { body } = await team.call<CheckpointDocument>("GET", `/models/${id}/checkpoints/${step}`);
      return body.evaluation.status !== "queued" && body;
    },
    seconds,
  );

test.each([
  { name: "asks for gigabytes when it is loaded", make: bomb, code: /^model_(refused|failed)$/ },
  { name: "asks for gigabytes when it is run", make: lateBomb, code: /^model_failed$/ },
  { name: "needs an operator that nobody has", make: unknownOperator, code: /^model_refused$/ },
  { name: "multiplies what does not fit", make: impossibleShapes, code: /^model_refused$/ },
  { name: "looks up a row it does not have", make: (name: string) => smallTable(name, 2, 10), code: /^model_failed$/ },
  { name: "has fewer classes than the suite", make: (name: string) => smallTable(name, 360, 3), code: /^output_mismatch$/ },
])("a model that $name fails with a code and a sentence, and the next one is evaluated", async ({ make, code }) => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  const [start, after] = SCRIPTS.memorizer;
  if (!start || !after) throw new Error("the script is empty");
  await pushAll(team, id, [start]);
  expect((await push(team, id, 5, make("hostile"))).status).toBe(202);
  await pushAll(team, id, [after]);

  const { evaluation } = await ended(team, id, 5);
  expect(evaluation).toMatchObject({
    status: "failed",
    failure: { code: expect.stringMatching(code), message: expect.stringMatching(/\w{3,} \w+/) },
  });
  // Two good ones around it: the frontier passes the failed one, which is no point of the verdict.
  expect(await settledVerdict(team, id)).toMatchObject({ asOfStep: 10, checkpoints: 2 });
  const points = await trajectoryOf(team, id);
  expect(points.map(({ step, splits, failure }) => [step, splits !== undefined, failure !== undefined])).toEqual([
    [0, true, false],
    [5, false, true],
    [10, true, false],
  ]);
});

test("a model that answers everything the same is evaluated: ties go to the lowest class", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  await push(team, id, 1, smallTable("ties", 360, 10, 0));
  expect((await ended(team, id, 1)).evaluation).toMatchObject({
    status: "done",
    splits: { train: { correct: ROWS / 10, total: ROWS, loss: expect.closeTo(Math.log(10), 5) } },
  });
});

describe("a model that takes too long", () => {
  let stack: PrivateStack;
  beforeAll(async () => {
    stack = await startPrivateStack({ evaluationDeadlineSeconds: 1 });
  });
  afterAll(() => stack.close());

  test("is ended by the watchdog, fails after five attempts, and holds nothing up for good", async () => {
    const team = await newTeam(stack);
    const { id } = await newTableModel(team);
    const [start, after] = SCRIPTS.memorizer;
    if (!start || !after) throw new Error("the script is empty");
    await pushAll(team, id, [start]);
    expect((await push(team, id, 5, tedious("tedious"))).status).toBe(202);
    await pushAll(team, id, [after]);
    const { evaluation } = await ended(team, id, 5, 110);
    expect(evaluation.failure).toMatchObject({ code: "evaluator_died", message: expect.stringContaining("5 times") });
    expect(await settledVerdict(team, id)).toMatchObject({ asOfStep: 10, checkpoints: 2 });
    const attempts = await team.db
      .select({ attempts: shards.attempts })
      .from(shards)
      .innerJoin(evaluations, eq(evaluations.id, shards.evaluationId))
      .where(and(eq(evaluations.modelId, id), eq(evaluations.step, 5)));
    expect(Math.max(...attempts.map((shard) => shard.attempts))).toBe(6);
    expect(stack.lines.filter((line) => line.includes("has not ended after"))).toHaveLength(5);
  });
});
