import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { deliveries, evaluations, judgements, shards } from "../../src/database/schema.ts";
import { sweptObjects } from "./objects.ts";
import { startReceiver } from "./receiver.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, type Team } from "./service.ts";
import { tableModel } from "./table-model.ts";
import { newTableModel, pushAll, SCRIPTS, script, settledVerdict, verdictOf, withoutIds } from "./trajectories.ts";

interface Listed {
  checkpoints: { step: number; digest: string; revision: number; supersededAt: string | null; stored: boolean }[];
  next: string | null;
}
interface Ledger {
  announcements: { position: number; type: string; transition: { id: string; split: string } }[];
}

const body = (name: string) => tableModel(name, { train: 1, validation: 0.1, "ood:shift": 0.1 });
const listOf = async (team: Team, id: string, query = "") =>
  (await team.call<Listed>("GET", `/models/${id}/checkpoints${query}`)).body;
const ledgerOf = async (team: Team, id: string) =>
  (await team.call<Ledger>("GET", `/models/${id}/transitions`)).body.announcements;

test("a step that was deleted is free again: what is pushed there is its next revision, and the first stays in history", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  const at = `/models/${id}/checkpoints/7`;
  await team.call("PUT", at, { body: body("first") });
  await settledVerdict(team, id);
  expect((await team.call("DELETE", at)).status).toBe(204);
  for (const method of ["GET", "DELETE"]) {
    expectRefusal(await team.call(method, at), { status: 404, code: "checkpoint_not_found", says: "step 7" });
  }
  expect(await verdictOf(team, id)).toMatchObject({ asOfStep: null, checkpoints: 0 });
  // Of the suite alone.
  expect(await sweptObjects(team)).toHaveLength(1);

  expect((await team.call("PUT", at, { body: body("second") })).status).toBe(202);
  expect(await settledVerdict(team, id)).toMatchObject({ asOfStep: 7, checkpoints: 1 });
  expect((await team.call<{ revision: number }>("GET", at)).body.revision).toBe(2);
  expect((await listOf(team, id)).checkpoints).toMatchObject([
    { step: 7, revision: 2, supersededAt: null, stored: true },
  ]);
  const { checkpoints } = await listOf(team, id, "?history=true");
  expect(checkpoints).toMatchObject([
    { step: 7, revision: 1, supersededAt: expect.any(String), stored: false },
    { step: 7, revision: 2, supersededAt: null, stored: true },
  ]);
  expect(checkpoints[0]?.digest).not.toBe(checkpoints[1]?.digest);
});

test("checkpoints are listed page by page, by step, revisions and all", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  for (const step of [1, 2, 3]) await team.call("PUT", `/models/${id}/checkpoints/${step}`, { body: body("same") });
  await team.call("DELETE", `/models/${id}/checkpoints/2`);
  await team.call("PUT", `/models/${id}/checkpoints/2`, { body: body("same") });
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: Listed = await listOf(team, id, `?history=true&limit=1${cursor && `&cursor=${cursor}`}`);
    seen.push(...page.checkpoints.map(({ step, revision }) => `${step}/${revision}`));
    cursor = page.next;
  }
  expect(seen).toEqual(["1/1", "2/1", "2/2", "3/1"]);
  const refused = await team.call("GET", `/models/${id}/checkpoints?cursor=nonsense`);
  expectRefusal(refused, { status: 400, code: "invalid_request", says: "next" });
});

test("going back takes the verdict back, and what was announced is retracted and not forgotten; the same again is the same", async () => {
  const team = await newTeam();
  const receiver = await startReceiver();
  await receiver.close();
  await team.call("POST", "/webhooks", { body: { url: receiver.url } });
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.grokked);
  const before = await settledVerdict(team, id);
  expect(before.verdict).toBe("generalizer");
  const said = await ledgerOf(team, id);

  const back = await team.call("DELETE", `/models/${id}/checkpoints?from=120`);
  expect(back).toMatchObject({
    status: 200,
    body: { deleted: SCRIPTS.grokked.filter(({ step }) => step >= 120).length },
  });
  expect(await verdictOf(team, id)).toMatchObject({
    verdict: "memorizer",
    deployable: false,
    asOfStep: 110,
    checkpoints: 12,
  });
  const ledger = await ledgerOf(team, id);
  expect(ledger.slice(0, said.length)).toEqual(said);
  const transitions = new Set(said.map(({ transition }) => transition.id));
  const retracted = ledger.slice(said.length).filter(({ type }) => type === "retracted");
  expect(new Set(retracted.map(({ transition }) => transition.id))).toEqual(transitions);
  const rows = await team.db.select().from(deliveries).where(eq(deliveries.teamId, team.id));
  const events = rows.map(({ eventType, body }) => ({ eventType, data: JSON.parse(body).data }));
  const revised = events.filter(({ eventType }) => eventType === "transition.revised");
  expect(revised.map(({ data }) => data)).toEqual(retracted.map(() => expect.objectContaining({ retracted: true })));
  expect(events).toContainEqual({
    eventType: "verdict.changed",
    data: expect.objectContaining({ from: "generalizer", verdict: "memorizer" }),
  });
  const again = await team.call("DELETE", `/models/${id}/checkpoints?from=120`);
  expect(again).toMatchObject({ status: 200, body: { deleted: 0 } });
  expect(await ledgerOf(team, id)).toEqual(ledger);

  await pushAll(
    team,
    id,
    SCRIPTS.grokked.filter(({ step }) => step >= 120),
  );
  const after = await settledVerdict(team, id);
  expect(withoutIds(after)).toEqual(withoutIds(before));
  // A transition keeps the id under which it was first announced.
  expect(after.transitions.map((transition) => transition.id)).toEqual(before.transitions.map(({ id }) => id));
  expect((await ledgerOf(team, id)).slice(0, ledger.length)).toEqual(ledger);
});

test("a step comes late while another is deleted: the verdict is that of what is left", async () => {
  const team = await newTeam();
  const points = script([1, 0.1, 0.1, 0.1], [6, 1, 0.1, 0.1], [10, 1, 1, 1]);
  const late = points.filter(({ step }) => step === 30);
  const deleted = points.find(({ step }) => step === 160);
  const rest = points.filter((point) => point !== deleted && !late.includes(point));
  const { id } = await newTableModel(team);
  await pushAll(team, id, [...rest, ...(deleted ? [deleted] : [])]);
  await settledVerdict(team, id);
  // Most likely not evaluated yet when the other goes: of their number alone, none came and none went.
  await pushAll(team, id, late);
  expect((await team.call("DELETE", `/models/${id}/checkpoints/160`)).status).toBe(204);
  const verdict = withoutIds(await settledVerdict(team, id));

  const straight = await newTableModel(team);
  await pushAll(team, straight.id, [...rest, ...late], 1);
  expect(verdict).toEqual(withoutIds(await settledVerdict(team, straight.id)));
});

test("from is asked for by name, for all steps are a model's", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  expectRefusal(await team.call("DELETE", `/models/${id}/checkpoints`), {
    status: 400,
    code: "invalid_request",
    says: "from",
  });
});

test("a model is deleted with its rows and bytes, but for bytes that another model uses", async () => {
  const team = await newTeam();
  const [one, two] = [await newTableModel(team), await newTableModel(team)];
  await team.call("PUT", `/models/${one.id}/checkpoints/1`, { body: body("shared") });
  await team.call("PUT", `/models/${one.id}/checkpoints/2`, { body: body("own") });
  await team.call("PUT", `/models/${two.id}/checkpoints/1`, { body: body("shared") });
  await settledVerdict(team, one.id);
  expect((await team.call("DELETE", `/models/${one.id}`)).status).toBe(204);
  expectRefusal(await team.call("GET", `/models/${one.id}`), { status: 404, code: "model_not_found" });
  for (const table of [evaluations, judgements, shards]) {
    const rows = await team.db.select().from(table).where(eq(table.teamId, team.id));
    expect(rows.every((row) => !("modelId" in row) || row.modelId === two.id)).toBe(true);
  }
  // Two suites and the bytes that both used.
  expect(await sweptObjects(team)).toHaveLength(3);
  expect((await team.call("GET", `/models/${two.id}/checkpoints/1/artifact`)).text.length).toBe(body("shared").length);
  expect(await settledVerdict(team, two.id)).toMatchObject({ checkpoints: 1 });
  // Its name is free.
  expect((await team.call("POST", "/models", { body: { name: one.name, suite: one.suite } })).status).toBe(201);
});

test("bytes that are let go while the same are pushed elsewhere are there for whoever pushed them", async () => {
  const team = await newTeam();
  const [one, two] = [await newTableModel(team), await newTableModel(team)];
  const bytes = body("contested");
  for (let round = 1; round <= 15; round += 1) {
    const from = `/models/${one.id}/checkpoints/${round}`;
    const to = `/models/${two.id}/checkpoints/${round}`;
    expect((await team.call("PUT", from, { body: bytes })).status).toBe(202);
    const [, put] = await Promise.all([
      team.call("DELETE", from),
      team.call("PUT", to, { body: bytes }),
      team.call("DELETE", `/models/${two.id}/checkpoints/${round - 1}`),
    ]);
    expect(put.status).toBe(202);
    const kept = await fetch(`${team.service.url}${to}/artifact`, { headers: { authorization: `Bearer ${team.key}` } });
    expect(kept.status).toBe(200);
    expect(Buffer.from(await kept.arrayBuffer()).equals(bytes)).toBe(true);
  }
  // Two suites and the last of them.
  expect(await sweptObjects(team)).toHaveLength(3);
});
