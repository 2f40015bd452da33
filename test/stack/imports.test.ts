import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { expectTooLong } from "./bodies.ts";
import { newTeam, signedIn, type Team } from "./service.ts";
import { ROWS, SPLITS, tableModel } from "./table-model.ts";
import { HISTORY_HEADER, historyCsv, newTableModel, SCRIPTS, settledVerdict, trajectoryOf } from "./trajectories.ts";

let team: Team;
beforeAll(async () => {
  team = await newTeam();
});

const post = (model: string, body: string, query = "") =>
  team.call("POST", `/models/${model}/import${query}`, { body, headers: { "content-type": "text/csv" } });

test("a history becomes checkpoints without bytes, and the verdict that it has coming", async () => {
  const { id } = await newTableModel(team);
  const points = SCRIPTS.grokked;
  expect(await post(id, historyCsv(points))).toMatchObject({
    status: 200,
    body: { added: points.length, replaced: 0, unchanged: 0, warnings: [] },
  });
  expect(await settledVerdict(team, id)).toMatchObject({
    verdict: "generalizer",
    route: "grokked",
    deployable: true,
    evidence: { provenance: "reported", weightNorm: { now: 50 } },
  });
  expect((await team.call("GET", `/models/${id}/verdict?require=generalizer`)).status).toBe(412);
  expect((await team.call("GET", `/models/${id}/verdict?require=generalizer&reported=allow`)).status).toBe(200);
  expect(await team.call("GET", `/models/${id}/checkpoints/0`)).toMatchObject({
    status: 200,
    body: { step: 0, digest: null, bytes: null, weightNorm: 50, stored: false, evaluation: { status: "done" } },
  });
  expect(await team.call("GET", `/models/${id}/checkpoints`)).toMatchObject({ status: 200 });
  expect(await team.call("GET", `/models/${id}/checkpoints/0/artifact`)).toMatchObject({
    status: 410,
    body: { code: "artifact_gone" },
  });
});

test("again it changes nothing; with other results it replaces them, and the verdict follows", async () => {
  const { id } = await newTableModel(team);
  const points = SCRIPTS.grokked;
  await post(id, historyCsv(points));
  const before = await settledVerdict(team, id);
  expect((await post(id, historyCsv(points.toReversed()))).body).toMatchObject({ added: 0, unchanged: points.length });
  expect(await settledVerdict(team, id)).toEqual(before);
  const memorized = points.map((point) =>
    point.step < 130 ? point : { ...point, accuracies: { ...point.accuracies, "ood:shift": 0.1 } },
  );
  expect((await post(id, historyCsv(memorized))).body).toMatchObject({ added: 0, replaced: 13 });
  expect((await settledVerdict(team, id)).verdict).toBe("memorizer");
});

test("a run that comes in stretches, in any order and overlapping, is the run that came at once", async () => {
  const [whole, parts] = [await newTableModel(team), await newTableModel(team)];
  await post(whole.id, historyCsv(SCRIPTS.regressed));
  const points = SCRIPTS.regressed;
  for (const some of [points.slice(0, 8), points.slice(14), points.slice(6, 16)]) {
    expect((await post(parts.id, historyCsv(some))).status).toBe(200);
  }
  const [once, pieces] = [await settledVerdict(team, whole.id), await settledVerdict(team, parts.id)];
  expect(once.verdict).toBe("regressed");
  const { model, suite, ...wanted } = { ...once, transitions: once.transitions.map(({ id, ...rest }) => rest) };
  expect({ ...pieces, transitions: pieces.transitions.map(({ id, ...rest }) => rest) }).toMatchObject(wanted);
  expect(await trajectoryOf(team, parts.id)).toEqual(await trajectoryOf(team, whole.id));
});

test("steps with bytes and imported steps do not mix: neither takes the other's place", async () => {
  const { id } = await newTableModel(team);
  const [first, second] = SCRIPTS.memorizer;
  if (!first || !second) throw new Error("the script is short");
  await team.client.pushCheckpoint(id, first.step, tableModel("own", first.accuracies));
  expect(await post(id, historyCsv([first, second]))).toMatchObject({ status: 409, body: { code: "step_taken" } });
  // All or nothing.
  expect((await trajectoryOf(team, id)).map(({ step }) => step)).toEqual([first.step]);
  expect((await post(id, historyCsv([second]))).status).toBe(200);
  const body = tableModel("late", second.accuracies);
  expect(await team.call("PUT", `/models/${id}/checkpoints/${second.step}`, { body })).toMatchObject({
    status: 409,
    body: { code: "step_taken" },
  });
  const settled = await settledVerdict(team, id);
  expect(settled.evidence.provenance).toBe("mixed");
  expect((await team.call("DELETE", `/models/${id}/checkpoints?from=0`)).body).toEqual({ deleted: 2 });
  expect(await trajectoryOf(team, id)).toEqual([]);
  expect((await team.call("DELETE", `/models/${id}`)).status).toBe(204);
});

test("a chart of W&B is mapped, without norms and with totals given", async () => {
  const { id, name } = await newTableModel(team);
  const text = "Step,run - train/acc,run - val/acc,run - ood/acc\n10,100,50,10\n20,100,60,\n20,,,10\n";
  const query = new URLSearchParams([
    ["map", "Step=step"],
    ...[
      ["train/acc", "train"],
      ["val/acc", "validation"],
      ["ood/acc", "ood:shift"],
    ].map(([column, split]) => ["map", `${column}=${split}_accuracy`]),
    ...SPLITS.map((split) => ["total", `${split}=${ROWS}`]),
    ["percent", "true"],
  ]);
  expect(await post(id, text, `?${query}`)).toMatchObject({ status: 200, body: { added: 2 } });
  expect(await trajectoryOf(team, id)).toMatchObject([
    { step: 10, weightNorm: null, provenance: "reported", splits: { validation: { correct: 60, total: ROWS } } },
    { step: 20, weightNorm: null, splits: { "ood:shift": { correct: 12 } } },
  ]);
  const page = await fetch(`${team.service.url}/models/${name}`, {
    headers: { accept: "text/html", ...(await signedIn(team)) },
  });
  expect(page.status).toBe(200);
  expect(await page.text()).toContain("insufficient");
});

const fixture = (name: string) => readFileSync(join(import.meta.dirname, "../fixtures/exports", name), "utf8");

test("exports of W&B and MLflow are the same trajectory, whichever it is", async () => {
  const wandb = ["trainer/global_step=step", "train/acc", "val/acc", "ood/acc"];
  const mlflow = ["train_acc", "val_acc", "ood_acc"];
  const files: [file: string, columns: string[]][] = [
    ["wandb-chart.csv", ["Step=step", "train/acc", "val/acc, held out", "ood/acc"]],
    ["wandb-history.csv", wandb],
    ["wandb-history.jsonl", wandb],
    ["mlflow-chart.csv", mlflow],
    ["mlflow-history.json", mlflow],
  ];
  const splits = (...correct: number[]) =>
    Object.fromEntries(SPLITS.map((split, n) => [split, { correct: correct[n], total: ROWS, loss: null }]));
  for (const [file, columns] of files) {
    const { id } = await newTableModel(team);
    const results = columns.slice(-3).map((column, n) => `${column}=${SPLITS[n]}_accuracy`);
    const maps = [...columns.slice(0, -3), ...results];
    const query = new URLSearchParams([
      ...maps.map((map) => ["map", map]),
      ...SPLITS.map((split) => ["total", `${split}=${ROWS}`]),
    ]);
    const answer = await post(id, fixture(file), `?${query}`);
    expect(answer, `${file} ${answer.text}`).toMatchObject({ status: 200, body: { added: 2, warnings: [] } });
    expect(await trajectoryOf(team, id)).toEqual([
      { step: 0, weightNorm: null, provenance: "reported", splits: splits(12, 12, 12) },
      { step: 100, weightNorm: null, provenance: "reported", splits: splits(119, 30, 10) },
    ]);
  }
});

test("what is read otherwise than written, and what is not kept, is said in the words of the request", async () => {
  const { id } = await newTableModel(team);
  const accuracies = SPLITS.map((split) => `${split}_accuracy`).join(",");
  const totals = SPLITS.map((split) => `&total=${split}=${ROWS}`).join("");
  const text = `step,layer:w_norm,${accuracies}\n1,2.5,0.5,0.5,0.5\n`;
  expect(await post(id, text, `?percent=true${totals}`)).toMatchObject({
    status: 200,
    body: {
      warnings: [
        "percent=true: no accuracy is above 0.5 per cent; fractions are read without it",
        expect.stringMatching(/^not kept: statistics of layers/),
      ],
    },
  });
  const refused = await post(id, text.replace("0.5,0.5\n", "0.5,50\n"), `?total=train=${ROWS}`);
  expect(refused.body["detail"]).toContain("say percent=true");
});

test.each([
  { name: "a column that is none", text: "epoch,acc\n1,1\n", says: "try map=" },
  { name: "a row that is wrong", text: `${HISTORY_HEADER}\n10,50,1,120,x,120,1,120\n`, says: "line 2" },
  { name: "too few splits", text: "step,train_correct,train_total\n10,1,120\n", says: '"validation" is missing' },
  { name: "other examples", text: historyCsv(SCRIPTS.memorizer).replace(",120,", ",121,"), says: "Step 0:" },
  { name: "nothing", text: "\n", says: "empty" },
  {
    name: "a step that no address has",
    text: `${HISTORY_HEADER}\n${10 ** 15},50,1,120,1,120,1,120\n`,
    says: "the last that",
  },
  { name: "a file of another kind", text: "PAR1\u0015", says: "a Parquet file" },
])("a history with $name is refused, and says where", async ({ text, says }) => {
  const { id } = await newTableModel(team);
  const answer = await post(id, text);
  expect(answer, answer.text).toMatchObject({ status: 422, body: { code: "invalid_history" } });
  expect(answer.body["detail"]).toContain(says);
});

test("a history of ten thousand steps is taken; one beyond the limit, or a wrong option, is not", async () => {
  const { id } = await newTableModel(team);
  const [point] = SCRIPTS.memorizer;
  if (!point) throw new Error("the script is empty");
  const points = Array.from({ length: 10_000 }, (_, n) => ({ ...point, step: n }));
  expect((await post(id, historyCsv(points))).body).toMatchObject({ added: 10_000 });
  const other = await newTableModel(team);
  const many = Array.from({ length: 20_001 }, (_, n) => ({ ...point, step: n }));
  expect(await post(other.id, historyCsv(many))).toMatchObject({
    status: 422,
    body: { code: "invalid_history", detail: expect.stringContaining("at most 20000 steps at once") },
  });
  expect(await trajectoryOf(team, other.id)).toEqual([]);
  const headers = { "content-type": "text/csv" };
  await expectTooLong(team, { method: "POST", path: `/models/${id}/import`, headers }, 17 * 1024 * 1024);
  for (const query of [
    "?map=acc=accuracy",
    "?total=train=half",
    "?percent=maybe",
    "?map=a=step&map=a=weight_norm",
    "?total=train=1&total=train=2",
  ]) {
    expect(await post(id, historyCsv([point]), query)).toMatchObject({
      status: 400,
      body: { code: "invalid_request" },
    });
  }
});
