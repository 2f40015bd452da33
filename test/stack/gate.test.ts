import { createHash } from "node:crypto";
import { eq } from "drizzle-orm";
import { beforeAll, expect, test } from "vitest";
import { checkpoints, evaluations, shards } from "../../src/database/schema.ts";
import { newId } from "../../src/ids.ts";
import { newTeam, type Team } from "./service.ts";
import { tableModel, tableSuite } from "./table-model.ts";
import { newTableModel, pushAll, SCRIPTS, script, settledVerdict } from "./trajectories.ts";

let team: Team;
const START: [number, number, number, number] = [1, 0.1, 0.1, 0.1];
const GROKKED: (typeof START)[] = [START, [12, 1, 0.1, 0.1], [3, 1, 0.5, 0.5], [10, 1, 1, 1]];
const CLIMB: (typeof START)[] = [0.6, 0.7, 0.8, 0.9, 0.95].map((accuracy) => [1, 1, accuracy, accuracy]);
const RUNS = {
  grokked: SCRIPTS.grokked,
  memorizer: SCRIPTS.memorizer,
  /** Settled at 160, and one bad checkpoint since, at 260. */
  dipped: script(...GROKKED, [1, 0.1, 0, 0], [4, 1, 1, 1]),
  /** The same, before anything good came after it. */
  dips: script(...GROKKED, [1, 0.1, 0, 0]),
  /** Lost while it still climbed, so that its first crossing never settles; settled again at 260. */
  relapsed: script(START, [12, 1, 0.1, 0.1], ...CLIMB, [8, 1, 0.1, 0.1], [12, 1, 1, 1]),
};
const names = Object.keys(RUNS) as (keyof typeof RUNS)[];
const ids = Object.fromEntries(names.map((name) => [name, ""])) as Record<keyof typeof RUNS, string>;

beforeAll(async () => {
  team = await newTeam();
  for (const name of names) {
    ids[name] = (await newTableModel(team)).id;
    await pushAll(team, ids[name], RUNS[name]);
    await settledVerdict(team, ids[name]);
  }
});

const gate = (model: keyof typeof ids, query: string) => team.call("GET", `/models/${ids[model]}/verdict?${query}`);

/** Of the bytes at a step of a model. */
function digestAt(step: number, model: keyof typeof RUNS = "grokked"): string {
  const point = RUNS[model].find((candidate) => candidate.step === step);
  if (!point) throw new Error(`the script has no step ${step}`);
  const bytes = tableModel(`step ${step}`, point.accuracies);
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

test.each([
  { model: "grokked", query: "require=generalizer" },
  { model: "grokked", query: "require=generalizer&step=250" },
  { model: "grokked", query: "require=generalizer&step=160" },
  { model: "grokked", query: `require=generalizer&digest=${digestAt(250)}` },
  { model: "memorizer", query: "require=memorizer" },
  { model: "memorizer", query: "require=memorizer&step=20" },
  { model: "dipped", query: "require=generalizer" },
  { model: "dipped", query: "require=generalizer&step=250" },
  { model: "dipped", query: "require=generalizer&step=300" },
  { model: "dips", query: "require=generalizer&step=250" },
  { model: "relapsed", query: "require=generalizer" },
  { model: "relapsed", query: "require=generalizer&step=260" },
  { model: "relapsed", query: `require=generalizer&digest=${digestAt(370, "relapsed")}` },
] as const)("$model passes $query", async ({ model, query }) => {
  expect(await gate(model, query)).toMatchObject({ status: 200, body: { model: ids[model] } });
});

test.each([
  { model: "memorizer", query: "require=generalizer", says: "memorizer" },
  { model: "memorizer", query: "require=generalizer&step=10", says: "memorizer" },
  { model: "grokked", query: "require=memorizer", says: "not memorizer" },
  { model: "grokked", query: "require=generalizer&step=120", says: "before the model settled at step 160" },
  { model: "grokked", query: `require=generalizer&digest=${digestAt(20)}`, says: "before the model settled" },
  { model: "dipped", query: "require=generalizer&step=260", says: "ood:shift 0.00 (0 of 120)" },
  {
    model: "dipped",
    query: `require=generalizer&digest=${digestAt(260, "dipped")}`,
    says: "ood:shift 0.00 (0 of 120)",
  },
  { model: "dips", query: "require=generalizer", says: "latest checkpoint, step 260, is far below the held level" },
  { model: "dips", query: "require=generalizer&step=260", says: "ood:shift 0.00 (0 of 120)" },
  { model: "relapsed", query: "require=generalizer&step=170", says: "before the model settled at step 260" },
] as const)("$model fails $query with 412, which says why", async ({ model, query, says }) => {
  expect(await gate(model, query)).toMatchObject({
    status: 412,
    body: { code: "verdict_not_met", detail: expect.stringContaining(says), verdict: expect.any(String) },
  });
});

test.each([
  { query: "require=generalizer&step=9999", status: 404, code: "checkpoint_not_found" },
  { query: `require=generalizer&digest=sha256:${"0".repeat(64)}`, status: 404, code: "checkpoint_not_found" },
  { query: "require=grokked", status: 400, code: "invalid_request" },
  { query: "require=generalizer&step=-1", status: 400, code: "invalid_request" },
  { query: "require=generalizer&digest=md5:00", status: 400, code: "invalid_request" },
  { query: `require=generalizer&step=10&digest=${digestAt(10)}`, status: 400, code: "invalid_request" },
  { query: "step=250", status: 400, code: "invalid_request" },
])("$query answers $status $code, never 200", async ({ query, status, code }) => {
  expect(await gate("grokked", query)).toMatchObject({ status, body: { code } });
});

test("bytes that are pushed and not evaluated yet do not pass", async () => {
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.grokked);
  await settledVerdict(team, id);
  // Refused by ONNX Runtime or still queued: either way it is no generalizer's checkpoint.
  const [first] = SCRIPTS.underfit;
  if (!first) throw new Error("the script is empty");
  await pushAll(team, id, [{ step: 1000, accuracies: first.accuracies }]);
  const answer = await team.call("GET", `/models/${id}/verdict?require=generalizer&step=1000`);
  expect(answer).toMatchObject({ status: 412, body: { code: "verdict_not_met" } });
});

test("a generalizer on validation alone is told to measure an OOD split, with a step as without", async () => {
  const [name, suite] = ["no-ood", "no-ood"];
  await team.client.putSuite(suite, tableSuite(["train", "validation"]));
  const { id } = await team.client.createModel({ name, suite });
  await pushAll(team, id, SCRIPTS.grokked);
  expect(await settledVerdict(team, id)).toMatchObject({ verdict: "generalizer", deployable: false });
  for (const query of ["require=generalizer", "require=generalizer&step=250"]) {
    expect(await team.call("GET", `/models/${id}/verdict?${query}`)).toMatchObject({
      status: 412,
      body: { code: "verdict_not_met", detail: expect.stringContaining("without out-of-distribution evidence") },
    });
  }
});

test("while a late step is on its way, no step from there on passes; when it is in, they do", async () => {
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.grokked);
  await settledVerdict(team, id);
  const ask = (step: number) => team.call("GET", `/models/${id}/verdict?require=generalizer&step=${step}`);
  expect((await ask(250)).status).toBe(200);

  // As a push leaves it, except that nobody comes to evaluate it.
  const [there] = await team.db
    .select({ checkpoint: checkpoints, evaluation: evaluations })
    .from(checkpoints)
    .innerJoin(evaluations, eq(evaluations.checkpointId, checkpoints.id))
    .where(eq(checkpoints.modelId, id));
  if (!there) throw new Error("the model has no checkpoint");
  const late = { step: 205, id: newId("checkpoint") };
  const lateEvaluation = newId("evaluation");
  await team.db.insert(checkpoints).values({ ...there.checkpoint, ...late });
  await team.db.insert(evaluations).values({
    ...there.evaluation,
    id: lateEvaluation,
    checkpointId: late.id,
    step: late.step,
    status: "queued",
    results: null,
    finishedAt: null,
    hintedAt: new Date(Date.now() + 3_600_000),
  });
  // Somebody holds it: an evaluator that is woken for another model draws whatever nobody does.
  const [shard] = await team.db.select().from(shards).where(eq(shards.evaluationId, there.evaluation.id));
  if (!shard) throw new Error("the evaluation has no shard");
  const held = { evaluationId: lateEvaluation, doneAt: null, leaseUntil: new Date(Date.now() + 3_600_000) };
  await team.db.insert(shards).values({ ...shard, ...held });
  const refused = await ask(250);
  expect(refused).toMatchObject({ status: 412, body: { code: "verdict_not_met" } });
  expect(refused.body["detail"]).toMatch(/step 205.*not in it yet/);
  expect((await ask(200)).status).toBe(200);

  await team.db.delete(evaluations).where(eq(evaluations.checkpointId, late.id));
  expect((await ask(250)).status).toBe(200);
});
