import { and, eq, inArray } from "drizzle-orm";
import { beforeAll, expect, test } from "vitest";
import { evaluations, shards } from "../../src/database/schema.ts";
import { writeSafetensors } from "../../trainer/src/safetensors.ts";
import { newTeam, signedIn, type Team } from "./service.ts";
import { ROWS, SPLITS, tableSuite } from "./table-model.ts";
import { newTableModel, pushAll, SCRIPTS, type ScriptedPoint, settledVerdict } from "./trajectories.ts";

interface Comparison {
  transition: { id: string; split: string; kind: string } | null;
  before: { name: string; step: number };
  after: { name: string; step: number };
  splits: {
    split: string;
    total: number;
    accuracy: { before: number; after: number; change: number };
    flips: {
      gained: number;
      lost: number;
      p: number;
      adjusted: number;
      gainedItems: number[];
      lostItems: number[];
      next: number | null;
    };
    loss: { change: number; interval: [number, number]; p: number; adjusted: number };
  }[];
}

const at = (step: number, train: number, validation: number, ood: number): ScriptedPoint => ({
  step,
  accuracies: { train, validation, "ood:shift": ood },
});
/** A table model has the first `accuracy * 120` examples of a split right. */
const POINTS = [at(10, 1, 0.5, 0.1), at(20, 1, 0.55, 0.9), at(30, 1, 0.25, 0.9)];

let team: Team;
let model: { id: string; name: string; suite: string };
beforeAll(async () => {
  team = await newTeam();
  model = await newTableModel(team);
  await pushAll(team, model.id, POINTS);
  await settledVerdict(team, model.id);
});

const compare = (query: string, id = model.id) => team.call<Comparison>("GET", `/models/${id}/compare?${query}`);
const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

test("which examples flipped, how likely that is by chance, and what it did to the loss", async () => {
  const { status, body } = await compare("step=20&with=10");
  expect(status).toBe(200);
  expect(body).toMatchObject({ before: { name: model.name, step: 10 }, after: { name: model.name, step: 20 } });
  const [train, validation, ood] = body.splits;
  expect(train).toMatchObject({ split: "train", flips: { gained: 0, lost: 0, p: 1, adjusted: 1 } });
  expect(validation).toMatchObject({
    split: "validation",
    total: ROWS,
    flips: { gained: 6, lost: 0, gainedItems: upTo(60, 66), lostItems: [] },
  });
  expect(validation?.flips.p).toBeCloseTo(2 / 64, 12);
  expect(validation?.accuracy.change).toBeCloseTo(0.05, 12);
  // Of three splits, the middle one counts for three halves.
  expect(validation?.flips.adjusted).toBeCloseTo(3 / 64, 12);
  expect(ood?.flips).toMatchObject({ gained: 96, lost: 0, gainedItems: upTo(12, 108) });
  expect(ood?.flips.adjusted).toBeLessThan(1e-20);
  expect(ood?.loss.change).toBeLessThan(0);
  expect(ood?.loss.interval[1]).toBeLessThan(0);
  expect(ood?.loss.adjusted).toBeLessThan(0.01);
});

test("the other way round what was gained is lost, and asking again gives the same", async () => {
  const [there, back] = [(await compare("step=20&with=10")).body, (await compare("step=10&with=20")).body];
  expect(back.splits.map(({ flips }) => flips.lostItems)).toEqual(there.splits.map(({ flips }) => flips.gainedItems));
  expect(back.splits.map(({ flips }) => flips.p)).toEqual(there.splits.map(({ flips }) => flips.p));
  expect((await compare("step=20&with=10")).body).toEqual(there);
});

test("of many flips as many are listed as are asked for", async () => {
  const { body } = await compare("step=30&with=20&examples=4");
  expect(body.splits[1]?.flips).toMatchObject({ gained: 0, lost: 36, gainedItems: [], lostItems: upTo(30, 34) });
});

test("page after page lists each item that flipped once, in one split", async () => {
  const gained: number[] = [];
  const pages: (number | null)[] = [];
  for (let next: number | null | undefined = -1; next !== null && next !== undefined; next = pages.at(-1)) {
    const after = next === -1 ? "" : `&after=${next}`;
    const { body } = await compare(`step=20&with=10&split=ood:shift&examples=40${after}`);
    expect(body.splits).toHaveLength(1);
    const [only] = body.splits;
    expect(only).toMatchObject({ split: "ood:shift", flips: { gained: 96, lost: 0 } });
    gained.push(...(only?.flips.gainedItems ?? []));
    pages.push(only?.flips.next ?? null);
  }
  expect(gained).toEqual(upTo(12, 108));
  expect(pages).toEqual([51, 91, null]);
  // Adjusted over all splits, whether or not they are shown.
  const [whole, alone] = [await compare("step=20&with=10"), await compare("step=20&with=10&split=validation")];
  expect(alone.body.splits[0]).toEqual(whole.body.splits[1]);
  expect((await compare("step=20&with=10&examples=0")).body.splits[2]?.flips).toMatchObject({ gained: 96, next: null });
});

test("which examples flipped at a transition is asked by the transition, of the API and of its page", async () => {
  const grokked = await newTableModel(team);
  await pushAll(team, grokked.id, SCRIPTS.grokked);
  const { transitions } = await settledVerdict(team, grokked.id);
  const transition = transitions.find(({ split }) => split === "ood:shift");
  if (!transition) throw new Error("the script has no transition");
  const { id, onsetStep, settledStep } = transition;
  const asked = await compare(`transition=${id}&split=ood:shift`, grokked.id);
  expect(asked).toMatchObject({
    status: 200,
    body: {
      transition: { id, split: "ood:shift", kind: "generalization" },
      before: { step: onsetStep },
      after: { step: settledStep },
      splits: [{ split: "ood:shift", flips: { gained: 108, lost: 0, next: 111 } }],
    },
  });
  const headers = { accept: "text/html", ...(await signedIn(team)) };
  const page = (path: string) => team.call("GET", path, { headers, key: null });
  const model = await page(`/models/${grokked.id}`);
  const links = [...model.text.matchAll(/href="([^"]*compare[^"]*)"/g)].map(([, link]) => link?.replace("&amp;", "&"));
  const link = `/models/${grokked.id}/compare?${new URLSearchParams({ transition: id, split: "ood:shift" })}`;
  expect(links).toContain(link);
  const first = await page(link);
  expect(first.status).toBe(200);
  expect(first.text).toContain("12 to 111");
  expect(first.text).not.toContain("112 to 119");
  const more = /<a href="([^"]*after=111[^"]*)">More/.exec(first.text)?.[1] ?? "";
  const second = await page(`/models/${grokked.id}/compare${more.replaceAll("&amp;", "&")}`);
  expect(second.text).toContain("112 to 119");
  expect(second.text).not.toContain("More");
  for (const [query, status] of [
    ["transition=trn_none", 404],
    ["step=0", 400],
    ["step=0&with=9", 404],
    ["step=0&with=0&examples=x", 400],
  ] as const) {
    const refused = await page(`/models/${grokked.id}/compare?${query}`);
    expect([query, refused.status, refused.headers.get("content-type")]).toEqual([
      query,
      status,
      expect.stringContaining("text/html"),
    ]);
  }
});

test("of a split whose bits were not kept, or whose losses are no numbers, the rest is compared, and adjusted without it", async () => {
  const { id } = await newTableModel(team);
  await pushAll(team, id, [at(10, 1, 0.5, 0.1), at(20, 1, 0.55, 0.9)]);
  await settledVerdict(team, id);
  const kept = (await compare("step=20&with=10", id)).body.splits;
  // As the evaluator leaves a split of more items than it keeps bits of, and a model that answers NaN.
  const of = (split: string) =>
    and(eq(shards.teamId, team.id), eq(shards.split, split), inArray(shards.evaluationId, ids));
  const ids = team.db.select({ id: evaluations.id }).from(evaluations).where(eq(evaluations.modelId, id));
  await team.db.update(shards).set({ correctness: null }).where(of("train"));
  await team.db.update(shards).set({ blockLosses: null }).where(of("ood:shift"));
  const [train, validation, ood] = (await compare("step=20&with=10", id)).body.splits;
  expect(train).toMatchObject({ flips: null, accuracy: { before: 1, after: 1 }, loss: { change: 0 } });
  // Of two splits that are tested, the greater p stays what it is.
  expect(kept[1]?.flips.adjusted).toBeCloseTo(3 / 64, 12);
  expect(validation?.flips.adjusted).toBeCloseTo(2 / 64, 12);
  expect(ood).toMatchObject({ loss: null, flips: { gained: 96 } });
});

test("what is not evaluated, could not be, or was reported says which, each by a reason of its own", async () => {
  const { id } = await newTableModel(team);
  const weights = writeSafetensors(new Map([["w", { shape: [1], values: Float32Array.of(1) }]]), {});
  await pushAll(team, id, [at(10, 1, 0.5, 0.1)]);
  await team.client.pushCheckpoint(id, 20, weights);
  await settledVerdict(team, id);
  const refusal = async (query: string) => (await team.call("GET", `/models/${id}/compare?${query}`)).body;
  const wanted = (reason: string, says: string) => ({
    ...{ code: "not_comparable", status: 409, reason },
    detail: expect.stringContaining(says),
  });
  expect(await refusal("step=10&with=20")).toMatchObject(wanted("failed", "could not be evaluated"));
  const counts = Object.fromEntries(SPLITS.map((split) => [split, { correct: 1, total: ROWS }]));
  await team.call("PUT", `/models/${id}/checkpoints/20/evaluation`, { body: { splits: counts } });
  expect(await refusal("step=20&with=10")).toMatchObject(wanted("reported", "reported as counts"));
  // As a push leaves it, and nobody comes.
  await team.db
    .update(evaluations)
    .set({ status: "queued", hintedAt: new Date(Date.now() + 3_600_000) })
    .where(and(eq(evaluations.modelId, id), eq(evaluations.step, 20)));
  expect(await refusal("step=20&with=10")).toMatchObject(wanted("queued", "not evaluated yet"));
});

test("a trajectory that a model has left is compared by its version, with another model's on it too", async () => {
  const [moved, stayed] = [await newTableModel(team), `${model.name}-stayed`];
  await team.client.createModel({ name: stayed, suite: moved.suite });
  for (const id of [moved.id, stayed]) await pushAll(team, id, [at(10, 1, 0.5, 0.1)]);
  await pushAll(team, moved.id, [at(20, 1, 0.5, 0.9)]);
  const left = (await settledVerdict(team, moved.id)).suite.version;
  await settledVerdict(team, stayed);
  await team.client.putSuite(moved.suite, tableSuite(["train", "ood:shift"]));
  expect((await team.call("PATCH", `/models/${moved.id}`, { body: { suite: moved.suite } })).status).toBe(200);
  expect(await compare(`step=20&with=${stayed}@10`, moved.id)).toMatchObject({
    status: 409,
    body: { code: "not_comparable", reason: "other_suite", detail: expect.stringContaining("suite=VERSION") },
  });
  expect(await compare(`step=20&with=${stayed}@10&suite=${left}`, moved.id)).toMatchObject({
    status: 200,
    body: { suite: { version: left }, splits: [{}, {}, { flips: { gained: 96 } }] },
  });
  expect(await compare(`step=20&with=10&suite=${left}`, moved.id)).toMatchObject({ status: 200 });
  expect(await compare(`step=20&with=10&suite=sha256:${"0".repeat(64)}`, moved.id)).toMatchObject({
    status: 404,
    body: { code: "suite_not_found" },
  });
});

test("two models on one suite version are compared; on two, they are not", async () => {
  const name = `${model.name}-other`;
  await team.client.createModel({ name, suite: model.suite });
  await pushAll(team, name, [at(5, 1, 0.5, 0)]);
  await settledVerdict(team, name);
  expect(await compare(`step=10&with=${name}@5`)).toMatchObject({
    status: 200,
    body: { before: { name, step: 5 }, splits: [{}, {}, { flips: { gained: 12, lost: 0 } }] },
  });
  const elsewhere = `${name}-elsewhere`;
  await team.client.putSuite(elsewhere, tableSuite(["train", "ood:shift"]));
  await team.client.createModel({ name: elsewhere, suite: elsewhere });
  expect(await compare(`step=10&with=${elsewhere}@5`)).toMatchObject({
    status: 409,
    body: { code: "not_comparable", reason: "other_suite" },
  });
});

test.each([
  { query: "step=20&with=11", status: 404, code: "checkpoint_not_found" },
  { query: "step=20&with=nobody@10", status: 404, code: "model_not_found" },
  { query: "step=20&with=model", status: 400, code: "invalid_request" },
  { query: "step=20", status: 400, code: "invalid_request" },
  { query: "with=20", status: 400, code: "invalid_request" },
  { query: "transition=trn_none", status: 404, code: "transition_not_found" },
  { query: "transition=trn_none&step=20&with=10", status: 400, code: "invalid_request" },
  { query: "step=20&with=10&split=ood:none", status: 400, code: "invalid_request" },
  { query: "step=20&with=10&after=3", status: 400, code: "invalid_request" },
  { query: "step=20&with=10&suite=latest", status: 400, code: "invalid_request" },
  { query: `step=20&with=${"9".repeat(15)}`, status: 404, code: "checkpoint_not_found" },
  { query: "step=20&with=10&examples=20000", status: 400, code: "invalid_request" },
])("$query answers $status $code", async ({ query, status, code }) => {
  expect(await compare(query)).toMatchObject({ status, body: { code } });
});

test("another team's model is not there, on either side", async () => {
  const other = await newTeam();
  expect((await other.call("GET", `/models/${model.id}/compare?step=20&with=10`)).status).toBe(404);
  const own = await newTableModel(other);
  expect(await other.call("GET", `/models/${own.id}/compare?step=20&with=${model.id}@10`)).toMatchObject({
    status: 404,
    body: { code: "model_not_found" },
  });
});
