import { beforeAll, expect, test } from "vitest";
import { type Checkpoint, type Settings, train } from "../../trainer/src/train.ts";
import { newTeam, type Team } from "./service.ts";
import { tableSuite } from "./table-model.ts";
import { settledVerdict, type TrajectoryPoint, trajectoryOf, type VerdictDocument } from "./trajectories.ts";

interface Suite {
  name: string;
  version: string;
  status: string;
  splits: { name: string; rows: number; total: number; chance: number }[];
}
interface Model {
  id: string;
  suite: { name: string; version: string };
}

/** The quick setup, cut short while it memorizes: its checkpoints differ and its counts are neither 0 nor all. */
const SETTINGS: Partial<Settings> = { steps: 150, every: 25 };
const checkpoints: Checkpoint[] = [];
let suite = new Uint8Array();
let team: Team;
let model: Model;
let verdict: VerdictDocument;
let trajectory: TrajectoryPoint[];

beforeAll(async () => {
  team = await newTeam();
  await train(SETTINGS, {
    onStart(start) {
      suite = start.suite;
    },
    onCheckpoint(checkpoint) {
      checkpoints.push(checkpoint);
    },
  });
  await team.call("PUT", "/suites/add47", { body: suite });
  model = (await team.call<Model>("POST", "/models", { body: { name: "run", suite: "add47" } })).body;
  for (const { step, onnx } of checkpoints) {
    const path = `/models/run/checkpoints/${step}`;
    expect(await team.call("PUT", path, { body: onnx })).toMatchObject({ status: 202, body: { step } });
  }
  verdict = await settledVerdict(team, model.id);
  trajectory = await trajectoryOf(team, model.id);
});

test("a suite is made once: the same bytes answer 200 with the same version, others 201 with another", async () => {
  const fresh = await newTeam();
  const first = await fresh.call<Suite>("PUT", "/suites/add47", { body: suite });
  const again = await fresh.call<Suite>("PUT", "/suites/add47", { body: suite });
  const other = await fresh.call<Suite>("PUT", "/suites/add47", { body: tableSuite() });
  expect([first.status, again.status, other.status]).toEqual([201, 200, 201]);
  expect(first.body).toMatchObject({ name: "add47", status: "ready", version: expect.stringMatching(/^sha256:/) });
  expect(again.body).toEqual(first.body);
  expect(other.body.version).not.toBe(first.body.version);
  expect(first.body.splits.map(({ name }) => name)).toEqual(["train", "validation", "ood:corner", "ood:mirror"]);
  expect(await fresh.call("GET", "/suites/add47")).toMatchObject({ status: 200, body: other.body });
});

test("a suite that is put again is the newest again: models are pinned to what was put last", async () => {
  const fresh = await newTeam();
  const [a, b] = [suite, tableSuite()];
  const first = await fresh.call<Suite>("PUT", "/suites/s", { body: a });
  await fresh.call("PUT", "/suites/s", { body: b });
  const again = await fresh.call<Suite>("PUT", "/suites/s", { body: a });
  expect(again).toMatchObject({ status: 200, body: first.body });
  expect(await fresh.call("GET", "/suites/s")).toMatchObject({ status: 200, body: first.body });
  const made = await fresh.call<Model>("POST", "/models", { body: { name: "m", suite: "s" } });
  expect(made).toMatchObject({ status: 201, body: { suite: { name: "s", version: first.body.version } } });
});

test("a model is made once: a repeated POST answers 200, and its name is taken for another suite", async () => {
  await team.call("PUT", "/suites/other", { body: tableSuite() });
  const again = await team.call<Model>("POST", "/models", { body: { name: "run", suite: "add47" } });
  expect(again).toMatchObject({ status: 200, body: model });
  const taken = await team.call("POST", "/models", { body: { name: "run", suite: "other" } });
  expect(taken).toMatchObject({ status: 409, body: { code: "name_taken" } });
  expect(await team.call("GET", `/models/${model.id}`)).toMatchObject({ status: 200, body: model });
  expect(await team.call("GET", "/models")).toMatchObject({ body: { models: [{ id: model.id }], next: null } });
});

test("counts of every split at every checkpoint are the trainer's own", () => {
  const countsOf = (splits: Iterable<[string, { correct: number; total: number }]>) =>
    Object.fromEntries(Array.from(splits, ([name, { correct, total }]) => [name, { correct, total }]));
  expect(trajectory.map(({ step, splits = {} }) => ({ step, ...countsOf(Object.entries(splits)) }))).toEqual(
    checkpoints.map(({ step, splits }) => ({ step, ...countsOf(splits) })),
  );
});

test("losses are the trainer's to 1e-4 and weight norms to 1e-5 of themselves", () => {
  checkpoints.forEach((checkpoint, n) => {
    const point = trajectory[n];
    expect(Math.abs((point?.weightNorm ?? 0) / checkpoint.weightNorm - 1)).toBeLessThan(1e-5);
    for (const [name, { loss }] of checkpoint.splits) {
      expect(Math.abs((point?.splits?.[name]?.loss ?? Number.NaN) - loss), `${checkpoint.step} ${name}`).toBeLessThan(
        1e-4,
      );
    }
  });
});

test("a checkpoint shows its bytes, its measurements and its evaluation", async () => {
  const [first] = checkpoints;
  const { status, body } = await team.call("GET", "/models/run/checkpoints/0");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    step: 0,
    bytes: first?.onnx.byteLength,
    format: "onnx",
    parameters: 2 * 47 * 64 + 64 * 256 + 256 + 256 * 47 + 47,
    evaluation: { status: "done", splits: trajectory[0]?.splits },
  });
});

test("the verdict has the fields of its document, in their order", async () => {
  expect(Object.keys(verdict)).toEqual(
    [
      ["model", "suite", "detectorVersion", "verdict", "route", "kind", "deployable", "benchmarkBlind"],
      ["asOfStep", "checkpoints", "summary", "evidence", "transitions", "needed", "caveats"],
      ["forecast", "forecastReason"],
    ].flat(),
  );
  expect(Object.keys(verdict.evidence)).toEqual(["provenance", "splits", "weightNorm", "structure", "latentInterval"]);
  for (const split of verdict.evidence.splits) {
    expect(Object.keys(split)).toEqual(["split", "phase", "level", "interval", "chance", "total"]);
  }
  expect(verdict).toMatchObject({
    model: model.id,
    suite: model.suite,
    verdict: "insufficient_evidence",
    deployable: false,
    asOfStep: 150,
    checkpoints: 7,
    needed: { checkpoints: 5 },
    forecast: null,
  });
  expect(verdict.forecastReason).not.toBe("");
});

test("a model without checkpoints has a verdict: there is not enough evidence yet", async () => {
  const { body } = await team.call<Model>("POST", "/models", { body: { name: "empty", suite: "add47" } });
  const empty = await team.call<VerdictDocument>("GET", "/models/empty/verdict");
  expect(empty).toMatchObject({
    status: 200,
    body: { model: body.id, verdict: "insufficient_evidence", asOfStep: null, checkpoints: 0, transitions: [] },
  });
  expect(Object.keys(empty.body)).toEqual(Object.keys(verdict));
  expect(await trajectoryOf(team, "empty")).toEqual([]);
});
