import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { writeSafetensors } from "../../trainer/src/safetensors.ts";
import { expectTooLong } from "./bodies.ts";
import { newTeam, type Team } from "./service.ts";
import { correctOf, ROWS, tableModel } from "./table-model.ts";
import { newTableModel, SCRIPTS, type ScriptedPoint, settledVerdict, trajectoryOf, verdictOf } from "./trajectories.ts";

let team: Team;
beforeAll(async () => {
  team = await newTeam();
});

/** Weights without a graph: measured, and not evaluated here. */
const weights = (step: number) =>
  writeSafetensors(new Map([["w", { shape: [2], values: Float32Array.of(3, 4 + step / 1e6) }]]), {});

const countsOf = ({ accuracies }: ScriptedPoint) => ({
  splits: Object.fromEntries(
    (["train", "validation", "ood:shift"] as const).map((split) => [
      split,
      { correct: correctOf(accuracies[split]), total: ROWS, loss: 0.5 },
    ]),
  ),
});

const report = (model: string, step: number, body: object, query = "") =>
  team.call("PUT", `/models/${model}/checkpoints/${step}/evaluation${query}`, { body });

async function pushAndReport(model: string, points: readonly ScriptedPoint[]) {
  for (const point of points) {
    await team.client.pushCheckpoint(model, point.step, weights(point.step));
    const answer = await report(model, point.step, countsOf(point));
    expect(answer, answer.text).toMatchObject({ status: 200, body: { provenance: "reported", source: "counts" } });
  }
}

const gate = async (model: string, query = "") =>
  await team.call("GET", `/models/${model}/verdict?require=generalizer${query}`);

test("reported results make the same verdict, which says that they were reported, and pass no gate unasked", async () => {
  const { id } = await newTableModel(team);
  await pushAndReport(id, SCRIPTS.grokked);
  const verdict = await settledVerdict(team, id);
  expect(verdict).toMatchObject({
    verdict: "generalizer",
    route: "grokked",
    checkpoints: SCRIPTS.grokked.length,
    evidence: { provenance: "reported", weightNorm: { now: expect.closeTo(5, 2) } },
  });
  expect(await gate(id)).toMatchObject({
    status: 412,
    body: { code: "verdict_not_met", detail: expect.stringContaining("reported=allow") },
  });
  expect((await gate(id, "&step=250")).status).toBe(412);
  expect((await gate(id, "&reported=allow")).status).toBe(200);
  expect((await gate(id, "&reported=allow&step=250")).status).toBe(200);
});

test("a later report holds, and takes the verdict with it", async () => {
  const { id } = await newTableModel(team);
  const points = SCRIPTS.grokked;
  await pushAndReport(id, points);
  expect((await settledVerdict(team, id)).verdict).toBe("generalizer");
  for (const point of points.slice(13)) {
    const memorized = { ...point, accuracies: { ...point.accuracies, validation: 0.1, "ood:shift": 0.1 } };
    expect((await report(id, point.step, countsOf(memorized))).status).toBe(200);
  }
  expect((await settledVerdict(team, id)).verdict).toBe("memorizer");
  const [before] = await trajectoryOf(team, id);
  const [first] = points;
  if (!first) throw new Error("the script is empty");
  expect((await report(id, first.step, countsOf(first))).status).toBe(200);
  expect((await trajectoryOf(team, id))[0]).toEqual(before);
});

test("some of each is said to be mixed, and what was measured here stays", async () => {
  const { id } = await newTableModel(team);
  const points = SCRIPTS.memorizer.slice(0, 4);
  await pushAndReport(id, points.slice(1));
  const [first] = points;
  if (!first) throw new Error("the script is empty");
  await team.client.pushCheckpoint(id, first.step, tableModel("measured", first.accuracies));
  await settledVerdict(team, id);
  expect((await verdictOf(team, id)).evidence.provenance).toBe("mixed");
  expect(await report(id, first.step, countsOf(first))).toMatchObject({
    status: 409,
    body: { code: "evaluation_measured" },
  });
  expect(await team.call("GET", `/models/${id}/checkpoints/${first.step}/evaluation`)).toMatchObject({
    body: { provenance: "measured", source: null },
  });
  expect(await team.call("GET", `/models/${id}/compare?step=10&with=0`)).toMatchObject({
    status: 409,
    body: { code: "not_comparable" },
  });
});

test("a results file of another tool is mapped to the suite's splits", async () => {
  const { id } = await newTableModel(team);
  await team.client.pushCheckpoint(id, 1, weights(1));
  const file = {
    results: { arc: { "acc,none": 1 }, validation: { "acc,none": 0.25 }, gsm8k: { "acc,none": 0.1 } },
    "n-samples": Object.fromEntries(["arc", "validation", "gsm8k"].map((task) => [task, { effective: ROWS }])),
  };
  const answer = await report(id, 1, file, "?map=arc=train&map=gsm8k=ood:shift");
  expect(answer).toMatchObject({ status: 200, body: { source: "lm-evaluation-harness", status: "done" } });
  expect(await trajectoryOf(team, id)).toMatchObject([
    {
      step: 1,
      provenance: "reported",
      splits: {
        train: { correct: 120, total: ROWS, loss: null },
        validation: { correct: 30, total: ROWS },
        "ood:shift": { correct: 12, total: ROWS },
      },
    },
  ]);
});

const fixture = (name: string) => readFileSync(join(import.meta.dirname, "../fixtures/exports", name), "utf8");

test("a results file as the harness writes it is read whole: NaN, a group, and whatever type curl says it is", async () => {
  const { id } = await newTableModel(team);
  await team.client.pushCheckpoint(id, 1, weights(1));
  const body = fixture("harness-results.json");
  for (const type of ["application/json", "application/x-www-form-urlencoded"]) {
    const path = `/models/${id}/checkpoints/1/evaluation?map=shifted=ood:shift`;
    expect(await team.call("PUT", path, { body, headers: { "content-type": type } })).toMatchObject({
      status: 200,
      body: { provenance: "reported", source: "lm-evaluation-harness" },
    });
  }
  expect((await trajectoryOf(team, id))[0]?.splits).toEqual({
    train: { correct: 119, total: ROWS, loss: null },
    validation: { correct: 30, total: ROWS, loss: null },
    "ood:shift": { correct: 23, total: ROWS, loss: null },
  });
});

test("logs of Inspect AI are read, one for each split", async () => {
  const { id } = await newTableModel(team);
  await team.client.pushCheckpoint(id, 1, weights(1));
  const log = fixture("inspect-log.json");
  const logs = ["probes/train", "probes/validation", "probes/ood_shift"].map((task) =>
    log.replace("probes/ood_shift", task),
  );
  const path = `/models/${id}/checkpoints/1/evaluation`;
  expect(await team.call("PUT", path, { body: `[${logs.join(",")}]` })).toMatchObject({
    status: 200,
    body: { source: "inspect-ai", splits: [{ correct: 23 }, { correct: 23 }, { split: "ood:shift", correct: 23 }] },
  });
});

test.each([
  {
    name: "an .eval log",
    body: "PK\u0003\u0004\u0014",
    status: 422,
    code: "invalid_evaluation",
    says: "inspect log dump",
  },
  {
    name: "samples, line by line",
    body: '{"doc_id": 0}\n{"doc_id": 1}\n',
    status: 400,
    code: "invalid_request",
    says: "the results file",
  },
  { name: "nothing", body: "", status: 400, code: "invalid_request", says: "not one JSON document" },
])(
  "$name in the place of a report answers $status $code, and says what to send",
  async ({ body, status, code, says }) => {
    const { id } = await newTableModel(team);
    await team.client.pushCheckpoint(id, 1, weights(1));
    const answer = await team.call("PUT", `/models/${id}/checkpoints/1/evaluation`, { body });
    expect(answer).toMatchObject({ status, body: { code, detail: expect.stringContaining(says) } });
    expect((await trajectoryOf(team, id))[0]?.splits).toBeUndefined();
  },
);

test.each([
  { name: "no such step", step: 9, body: { splits: {} }, status: 422, code: "invalid_evaluation" },
  {
    name: "other examples",
    step: 1,
    body: { splits: { train: { correct: 1, total: 2 } } },
    status: 422,
    code: "invalid_evaluation",
  },
  { name: "a list", step: 1, body: [], status: 422, code: "invalid_evaluation" },
])("a report of $name answers $status $code", async ({ step, body, status, code }) => {
  const { id } = await newTableModel(team);
  await team.client.pushCheckpoint(id, 1, weights(1));
  expect(await report(id, step, body)).toMatchObject({ status, body: { code } });
});

test("a task that is mapped twice, and a refusal that would quote a megabyte, are told shortly", async () => {
  const { id } = await newTableModel(team);
  await team.client.pushCheckpoint(id, 1, weights(1));
  expect(await report(id, 1, {}, "?map=a=train&map=a=validation")).toMatchObject({
    status: 400,
    body: { code: "invalid_request", detail: expect.stringContaining('two things of "a"') },
  });
  const long = await report(id, 1, { eval: { task: "train" }, status: "x".repeat(1_000_000) });
  expect(long).toMatchObject({ status: 422, body: { code: "invalid_evaluation" } });
  expect(long.text.length).toBeLessThan(2000);
});

test("a report of a step that is not there, or too long, is refused", async () => {
  const { id } = await newTableModel(team);
  const [point] = SCRIPTS.grokked;
  if (!point) throw new Error("the script is empty");
  expect(await report(id, 5, countsOf(point))).toMatchObject({ status: 404, body: { code: "checkpoint_not_found" } });
  await expectTooLong(team, { method: "PUT", path: `/models/${id}/checkpoints/5/evaluation` }, 5 * 1024 * 1024);
});
