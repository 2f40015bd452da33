import { createHash } from "node:crypto";
import { and, eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { artifacts, checkpoints, evaluations } from "../../src/database/schema.ts";
import { keysInUse, objectsOf, sweptObjects } from "./objects.ts";
import { type Answer, newTeam, type Team } from "./service.ts";
import { tableModel } from "./table-model.ts";
import { newTableModel, settledVerdict } from "./trajectories.ts";

const HALF = { train: 0.5, validation: 0.5, "ood:shift": 0.5 };
const bytes = (name: string) => tableModel(name, HALF);
const digestOf = (body: Uint8Array) => createHash("sha256").update(body).digest();

interface Stored {
  id: string;
  step: number;
  digest: string;
  bytes: number;
}

async function start(): Promise<{ team: Team; id: string; put: (step: number, body: Uint8Array<ArrayBuffer>) => Put }> {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  return { team, id, put: (step, body) => team.call<Stored>("PUT", `/models/${id}/checkpoints/${step}`, { body }) };
}
type Put = Promise<Answer<Stored>>;

const artifactsIn = async ({ db, id }: Team) => await db.select().from(artifacts).where(eq(artifacts.teamId, id));

test("the same bytes at the same step answer 200 with the checkpoint that is there, others 409", async () => {
  const { team, id, put } = await start();
  const first = await put(7, bytes("a"));
  const again = await put(7, bytes("a"));
  const other = await put(7, bytes("b"));
  expect(first).toMatchObject({
    status: 202,
    body: { step: 7, digest: `sha256:${digestOf(bytes("a")).toString("hex")}` },
  });
  expect(again).toMatchObject({ status: 200, body: first.body });
  expect(other).toMatchObject({ status: 409, body: { code: "step_taken", existing: first.body.digest } });
  const rows = await team.db.select().from(evaluations).where(eq(evaluations.modelId, id));
  expect(rows).toHaveLength(1);
  expect(await artifactsIn(team)).toHaveLength(1);
  expect(await sweptObjects(team)).toHaveLength(2);
});

test("a step that is there answers 412 to If-None-Match: *, whatever the bytes; a free one takes them", async () => {
  const { team, id } = await start();
  const put = (step: number, name: string) =>
    team.call("PUT", `/models/${id}/checkpoints/${step}`, { body: bytes(name), headers: { "if-none-match": "*" } });
  expect((await put(1, "a")).status).toBe(202);
  expect(await put(1, "a")).toMatchObject({ status: 412, body: { code: "precondition_failed" } });
  expect(await put(1, "b")).toMatchObject({ status: 412, body: { code: "precondition_failed" } });
  const raced = await Promise.all(Array.from({ length: 5 }, () => put(2, "c")));
  expect(raced.map(({ status }) => status).sort()).toEqual([202, 412, 412, 412, 412]);
});

test("equal bytes at many steps, one after the other and at once, are one object", async () => {
  const { team, id, put } = await start();
  for (const step of [1, 2]) expect((await put(step, bytes("a"))).status).toBe(202);
  const atOnce = await Promise.all([3, 4, 5, 6, 7, 8].map((step) => put(step, bytes("b"))));
  expect(new Set(atOnce.map(({ status }) => status))).toEqual(new Set([202]));
  await settledVerdict(team, id);
  expect(await artifactsIn(team)).toHaveLength(2);
  // Two artifacts and the suite.
  expect(await sweptObjects(team)).toHaveLength(3);
});

test("equal bytes of two teams are two objects: nothing is shared", async () => {
  const [one, two] = [await start(), await start()];
  await one.put(1, bytes("a"));
  await two.put(1, bytes("a"));
  const [ofOne, ofTwo] = [await keysInUse(one.team), await keysInUse(two.team)];
  expect(ofOne.every((key) => key.startsWith(`${one.team.id}/`))).toBe(true);
  expect(ofOne.filter((key) => ofTwo.includes(key))).toEqual([]);
  expect([await objectsOf(one.team), await objectsOf(two.team)]).toEqual([ofOne, ofTwo]);
});

test("of twenty different bodies for one step at once exactly one is taken, and nothing is left of the others", async () => {
  const { team, id, put } = await start();
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => put(5, bytes(`body ${n}`))));
  const taken = answers.filter(({ status }) => status === 202);
  expect(taken).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(19);
  const rows = await team.db
    .select()
    .from(checkpoints)
    .where(and(eq(checkpoints.modelId, id), eq(checkpoints.step, 5)));
  expect(rows.map(({ digest }) => digest)).toEqual(taken.map(({ body }) => body.digest));
  expect(await artifactsIn(team)).toHaveLength(1);
  expect(await sweptObjects(team)).toHaveLength(2);
});

test("a digest that is claimed rightly is accepted, in company too", async () => {
  const { team, id } = await start();
  const body = bytes("a");
  const claims = [
    `sha-256=:${digestOf(body).toString("base64")}:`,
    `sha-512=:${createHash("sha512").update(body).digest("base64")}:, sha-256=:${digestOf(body).toString("base64")}:`,
  ];
  for (const [step, claim] of claims.entries()) {
    const headers = { "content-digest": claim };
    expect((await team.call("PUT", `/models/${id}/checkpoints/${step}`, { body, headers })).status).toBe(202);
  }
});
