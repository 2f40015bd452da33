import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createArtifactStore } from "../../src/artifacts/store.ts";
import { artifacts, evaluations, judgements, shards, suiteVersions } from "../../src/database/schema.ts";
import { type Fault, type FaultyStore, startFaultyStore } from "./faulty-store.ts";
import { expireUploads, sweptObjects } from "./objects.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, shared, until } from "./service.ts";
import { tableModel, tableSuite } from "./table-model.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict, trajectoryOf } from "./trajectories.ts";

let store: FaultyStore;
let stack: PrivateStack;
beforeAll(async () => {
  store = await startFaultyStore(shared());
  stack = await startPrivateStack({ s3: store.url });
});
afterEach(() => {
  store.fault = "none";
});
afterAll(async () => {
  await stack.close();
  await store.close();
});

const UNAVAILABLE = { status: 503, code: "storage_unavailable", says: /again/ } as const;
const checkpoint = (name: string) => tableModel(name, { train: 0.5, validation: 0.5, "ood:shift": 0.5 });

test.each<Fault>(["refusing", "away", "deaf"])(
  "a suite is put while the store is %s: 503, and no suite",
  async (fault) => {
    const team = await newTeam(stack);
    store.fault = fault;
    const answer = await team.call("PUT", "/suites/s", { body: tableSuite() });
    expectRefusal(answer, UNAVAILABLE);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await team.db.select().from(suiteVersions).where(eq(suiteVersions.teamId, team.id))).toEqual([]);
    store.fault = "none";
    // What a deaf store wrote all the same is the sweep's to delete: nobody waited to ask it once more.
    await expireUploads(team);
    expect(await sweptObjects(team)).toEqual([]);
    expect((await team.call("PUT", "/suites/s", { body: tableSuite() })).status).toBe(201);
  },
);

test("an evaluation outlasts a store that cannot be read, however often it was tried", async () => {
  const team = await newTeam(stack);
  const { id } = await newTableModel(team);
  store.fault = "unreadable";
  await pushAll(team, id, SCRIPTS.memorizer.slice(0, 1));
  const [evaluation] = await team.db.select().from(evaluations).where(eq(evaluations.modelId, id));
  if (!evaluation) throw new Error("there is no evaluation");
  // As though it had been tried for a while; one more death and it would be given up.
  await team.db.update(shards).set({ attempts: 4 }).where(eq(shards.evaluationId, evaluation.id));
  const failures = () => stack.lines.filter((line) => line.includes("message.failed")).length;
  const before = failures();
  await until(
    "three more attempts",
    async () => failures() >= before + 3 || (await trajectoryOf(team, id))[0]?.failure,
  );
  store.fault = "none";
  expect(await settledVerdict(team, id)).toMatchObject({ asOfStep: 0, checkpoints: 1 });
});

test("an evaluation that fails every time, with the store at hand, is given up and says so", async () => {
  const team = await newTeam(stack);
  const { id } = await newTableModel(team);
  store.fault = "unreadable";
  // Bytes of its own: a session of the same bytes may still be loaded.
  await team.client.pushCheckpoint(id, 0, checkpoint("lost"));
  const [artifact] = await team.db.select().from(artifacts).where(eq(artifacts.teamId, team.id));
  const [evaluation] = await team.db.select().from(evaluations).where(eq(evaluations.modelId, id));
  if (!artifact || !evaluation) throw new Error("there is no evaluation");
  // Lost by the store, for good.
  await createArtifactStore(shared().connection.s3).delete(artifact.objectKey ?? "");
  await team.db.update(shards).set({ attempts: 3 }).where(eq(shards.evaluationId, evaluation.id));
  store.fault = "none";
  await pushAll(team, id, SCRIPTS.memorizer.slice(1, 2));

  expect(await settledVerdict(team, id)).toMatchObject({ asOfStep: 10, checkpoints: 1 });
  const [point] = await trajectoryOf(team, id);
  expect(point?.failure).toMatchObject({ code: "evaluation_error", message: expect.stringContaining("5 attempts") });
  expect(stack.lines.some((line) => line.includes("evaluation.error") && line.includes(`${artifact.objectKey}`))).toBe(
    true,
  );
});

test("a failure that nobody foresaw says its request's id, and only the log says more", async () => {
  const team = await newTeam(stack);
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.memorizer.slice(0, 1));
  await settledVerdict(team, id);
  const broken = { verdict: "generalizer", deployable: true, secret: "sesame" };
  await team.db
    .update(judgements)
    .set({ verdict: broken as never })
    .where(eq(judgements.modelId, id));
  const answer = await team.call("GET", `/models/${id}/verdict?require=generalizer&step=0`);
  expectRefusal(answer, { status: 500, code: "internal" });
  expect(answer.text).not.toMatch(/TypeError|evidence|undefined|sesame/);
  const { requestId } = answer.body;
  const line = await until("its line in the log", async () =>
    stack.lines.find((one) => one.includes("request.failed") && one.includes(`${requestId}`)),
  );
  expect(line).toContain("TypeError");
  expect(line).not.toContain(team.key);
  expect((await team.call("GET", `/models/${id}`)).status).toBe(200);
});
