import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createArtifactStore } from "../../src/artifacts/store.ts";
import { artifacts, checkpoints, models } from "../../src/database/schema.ts";
import { sendRaw } from "./bodies.ts";
import { type Fault, type FaultyStore, startFaultyStore } from "./faulty-store.ts";
import { expireUploads, sweptObjects, uploadsOf } from "./objects.ts";
import { paddedModel } from "./padded-model.ts";
import { complete, digestOf, ended, newUploader, putAll } from "./presigned.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { expectRefusal } from "./refused.ts";
import { type Answer, newTeam, shared, type Team, until } from "./service.ts";
import { correctOf, tableModel } from "./table-model.ts";
import { newTableModel, settledVerdict, trajectoryOf } from "./trajectories.ts";

let store: FaultyStore;
let stack: PrivateStack;
beforeAll(async () => {
  store = await startFaultyStore(shared());
  stack = await startPrivateStack({ s3: store.url, bindings: { S3_TIMEOUT_SECONDS: "3" } });
});
afterEach(() => {
  store.fault = "none";
  store.faults = Number.POSITIVE_INFINITY;
  store.met = 0;
  store.metAt = [];
});
afterAll(async () => {
  await stack.close();
  await store.close();
});

const SIZES = { small: 20_000, "in parts": 12_000_000 };
type Size = keyof typeof SIZES;
const cases = (faults: Fault[]) =>
  faults.flatMap((fault) => (Object.keys(SIZES) as Size[]).map((size) => ({ fault, size })));

async function start({ fault, size }: { fault: Fault; size: Size }) {
  const team = await newTeam(stack);
  const { id } = await newTableModel(team);
  const body = paddedModel(`${fault} ${size}`, SIZES[size]);
  return { team, body, put: () => team.call("PUT", `/models/${id}/checkpoints/1`, { body }) };
}

/** What the store behind the faulty one has for the team's one artifact. */
async function storedDigest(team: Team): Promise<{ row: string; bytes: string }> {
  const [artifact] = await team.db.select().from(artifacts).where(eq(artifacts.teamId, team.id));
  const bytes = await createArtifactStore(shared().connection.s3).get(artifact?.objectKey ?? "");
  return { row: artifact?.digest ?? "", bytes: digestOf(bytes ?? new Uint8Array()) };
}

test.each(cases(["refusing", "failing", "away", "hanging", "slow", "deaf", "cutting", "altering"]))(
  "a checkpoint ($size) is taken whole by a store that is $fault twice",
  async (given) => {
    const { team, body, put } = await start(given);
    store.fault = given.fault;
    store.faults = 2;
    expect((await put()).status).toBe(202);
    expect(store.met).toBe(2);
    const digest = digestOf(body);
    expect(await storedDigest(team)).toEqual({ row: digest, bytes: digest });
    // The suite's and this one.
    expect(await sweptObjects(team)).toHaveLength(2);
  },
);

test.each(cases(["refusing", "failing", "away", "hanging", "deaf", "cutting", "altering", "forgetting"]))(
  "a checkpoint ($size) is put while the store is $fault: 503, nothing to be seen, and taken again later",
  async (given) => {
    const { team, put } = await start(given);
    store.fault = given.fault;
    const answer = await put();
    // Whoever waits for the answer does not also wait for a store that is away to delete what it may have.
    // By its team's keys: evaluators may still be reading what another test pushed.
    const own = store.metAt.filter((address) => address.includes(team.id));
    if (given.size === "small") expect(own.length).toBeLessThanOrEqual(5);
    expectRefusal(answer, { status: 503, code: "storage_unavailable", says: /again/ });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await team.db.select().from(checkpoints).where(eq(checkpoints.teamId, team.id))).toEqual([]);
    expect(await team.db.select().from(artifacts).where(eq(artifacts.teamId, team.id))).toEqual([]);

    store.fault = "none";
    await expireUploads(team);
    // Of the suite alone.
    expect(await sweptObjects(team)).toHaveLength(1);
    expect((await put()).status).toBe(202);
  },
);

/** An upload in presigned parts of this stack, which are not on their way yet. */
async function startUpload(name: string, bytes = 20_000_000) {
  const uploader = await newUploader(stack);
  return { ...uploader, body: paddedModel(name, bytes) };
}

test.each<{ fault: Fault }>([{ fault: "refusing" }, { fault: "away" }])(
  "while the store is $fault an upload in parts is begun, asked for and completed with 503; later it goes on as it was",
  async ({ fault }) => {
    const { team, id, begin, body } = await startUpload(`parts ${fault}`);
    const meeting = async (ask: () => Promise<Answer<unknown>>) => {
      store.fault = fault;
      const answer = await ask();
      store.fault = "none";
      expectRefusal(answer, { status: 503, code: "storage_unavailable", says: /again/ });
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    };
    await meeting(() => begin(body));
    const { body: begun } = await begin(body);
    await meeting(() => team.call("GET", `/uploads/${begun.id}`));
    await putAll(body, begun);
    await meeting(() => complete(team, begun));
    expect(await team.call("GET", `/uploads/${begun.id}`)).toMatchObject({
      body: { status: "receiving", parts: [{ stored: true }, { stored: true }] },
    });
    expect((await complete(team, begun)).status).toBe(202);
    expect(await ended(team, begun)).toMatchObject({ status: "complete" });
    expect((await team.call("GET", `/models/${id}/checkpoints/1`)).body).toMatchObject({ digest: digestOf(body) });
  },
);

test("an upload is read back whatever the store does for how long: nobody has died of the file", async () => {
  const { team, begin, body } = await startUpload("unreadable");
  const { body: begun } = await begin(body);
  await putAll(body, begun);
  store.fault = "unreadable";
  // A call tries five times, and a row of five attempts in vain would have the file refused.
  store.faults = 40;
  const row = async () => (await uploadsOf(team)).find(({ id }) => id === begun.id);
  // The list of its parts cannot be read either.
  await until("its completion", async () => (await complete(team, begun)).status === 202, 200);
  expect(await ended(team, begun)).toMatchObject({ status: "complete", problem: null });
  expect(store.faults).toBe(0);
  expect((await row())?.attempts).toBeLessThan(5);
}, 300_000);

test("an upload that comes otherwise than it went is no checkpoint, and its sender is told", async () => {
  const { team, id, begin, body } = await startUpload("misread");
  const { body: begun } = await begin(body);
  await putAll(body, begun);
  store.fault = "misreading";
  await complete(team, begun);
  expect(await ended(team, begun)).toMatchObject({
    status: "refused",
    problem: { code: expect.stringMatching(/digest_mismatch|invalid_checkpoint/) },
  });
  expect((await team.call("GET", `/models/${id}/checkpoints/1`)).status).toBe(404);
});

test("a model that comes otherwise than it was pushed is not evaluated so: the store is asked again", async () => {
  const team = await newTeam(stack);
  const { id } = await newTableModel(team);
  const accuracies = { train: 1, validation: 0.5, "ood:shift": 0.25 };
  store.fault = "misreading";
  store.faults = 2;
  expect(
    (await team.call("PUT", `/models/${id}/checkpoints/1`, { body: tableModel("misread", accuracies) })).status,
  ).toBe(202);
  await settledVerdict(team, id);
  expect(store.faults).toBe(0);
  expect(await trajectoryOf(team, id)).toMatchObject([
    {
      splits: {
        train: { correct: correctOf(1) },
        validation: { correct: correctOf(0.5) },
        "ood:shift": { correct: correctOf(0.25) },
      },
    },
  ]);
});

test("a client that breaks off in the middle of a large body leaves no parts behind", async () => {
  const { team, body } = await start({ fault: "none", size: "in parts" });
  const [model] = await team.db.select().from(models).where(eq(models.teamId, team.id));
  const headers = { "content-length": "20000000" };
  await sendRaw(team, { method: "PUT", path: `/models/${model?.id}/checkpoints/1`, headers, body, hangUp: true });
  const upload = await until("parts, and the upload's end", async () =>
    (await uploadsOf(team)).find(({ multipartId, status }) => multipartId && status === "discarded"),
  );
  const parts = () => createArtifactStore(shared().connection.s3).listParts(upload.objectKey, `${upload.multipartId}`);
  await until("the store to have forgotten it", async () => (await parts()) === null);
  expect(await sweptObjects(team)).toHaveLength(1);
});
