import { beforeAll, expect, test } from "vitest";
import { newTeam, type Team } from "./service.ts";
import { ROWS } from "./table-model.ts";
import { newTableModel, pushAll, type ScriptedPoint, settledVerdict } from "./trajectories.ts";

interface Comparison {
  before: { name: string; step: number };
  after: { name: string; step: number };
  splits: {
    split: string;
    total: number;
    accuracy: { before: number; after: number; change: number };
    flips: { gained: number; lost: number; p: number; adjusted: number; gainedItems: number[]; lostItems: number[] };
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

test("two models on one suite version are compared; on two, they are not", async () => {
  const name = `${model.name}-other`;
  await team.client.createModel({ name, suite: model.suite });
  await pushAll(team, name, [at(5, 1, 0.5, 0)]);
  await settledVerdict(team, name);
  expect(await compare(`step=10&with=${name}@5`)).toMatchObject({
    status: 200,
    body: { before: { name, step: 5 }, splits: [{}, {}, { flips: { gained: 12, lost: 0 } }] },
  });
  const elsewhere = await newTableModel(team);
  expect(await compare(`step=10&with=${elsewhere.name}@5`)).toMatchObject({
    status: 409,
    body: { code: "not_comparable" },
  });
});

test.each([
  { query: "step=20&with=11", status: 404, code: "checkpoint_not_found" },
  { query: "step=20&with=nobody@10", status: 404, code: "model_not_found" },
  { query: "step=20&with=model", status: 400, code: "invalid_request" },
  { query: "step=20", status: 400, code: "invalid_request" },
  { query: "step=20&with=10&examples=20000", status: 400, code: "invalid_request" },
])("$query answers $status $code", async ({ query, status, code }) => {
  expect(await compare(query)).toMatchObject({ status, body: { code } });
});

test("another team's model is not there", async () => {
  const other = await newTeam();
  expect((await other.call("GET", `/models/${model.id}/compare?step=20&with=10`)).status).toBe(404);
});
