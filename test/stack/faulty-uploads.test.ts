import { createHash } from "node:crypto";
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createArtifactStore } from "../../src/artifacts/store.ts";
import { artifacts, checkpoints, models } from "../../src/database/schema.ts";
import { sendRaw } from "./bodies.ts";
import { type Fault, type FaultyStore, startFaultyStore } from "./faulty-store.ts";
import { sweptObjects, uploadsOf } from "./objects.ts";
import { paddedModel } from "./padded-model.ts";
import { type PrivateStack, startPrivateStack } from "./private-stack.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, shared, type Team, until } from "./service.ts";
import { newTableModel } from "./trajectories.ts";

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
  return { row: artifact?.digest ?? "", bytes: `sha256:${sha256(bytes ?? new Uint8Array())}` };
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test.each(cases(["refusing", "failing", "away", "hanging", "slow", "deaf", "cutting", "altering"]))(
  "a checkpoint ($size) is taken whole by a store that is $fault twice",
  async (given) => {
    const { team, body, put } = await start(given);
    store.fault = given.fault;
    store.faults = 2;
    expect((await put()).status).toBe(202);
    expect(store.met).toBe(2);
    const digest = `sha256:${sha256(body)}`;
    expect(await storedDigest(team)).toEqual({ row: digest, bytes: digest });
    // The suite's and this one.
    expect(await sweptObjects(team)).toHaveLength(2);
  },
);

test.each(cases(["refusing", "failing", "away", "deaf", "cutting", "altering"]))(
  "a checkpoint ($size) is put while the store is $fault: 503, nothing to be seen, and taken again later",
  async (given) => {
    const { team, put } = await start(given);
    store.fault = given.fault;
    const answer = await put();
    expectRefusal(answer, { status: 503, code: "storage_unavailable", says: /again/ });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await team.db.select().from(checkpoints).where(eq(checkpoints.teamId, team.id))).toEqual([]);
    expect(await team.db.select().from(artifacts).where(eq(artifacts.teamId, team.id))).toEqual([]);

    store.fault = "none";
    // Of the suite alone.
    expect(await sweptObjects(team)).toHaveLength(1);
    expect((await put()).status).toBe(202);
  },
);

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
