import { asc, eq } from "drizzle-orm";
import { beforeAll, expect, test } from "vitest";
import { deliveries } from "../../src/database/schema.ts";
import { startReceiver } from "./receiver.ts";
import { newTeam, signedIn, type Team } from "./service.ts";
import { correctOf, ROWS, SPLITS, tableModel } from "./table-model.ts";
import { newTableModel, SCRIPTS, type ScriptedPoint, settledVerdict } from "./trajectories.ts";

// Whose measurements they are is said wherever results are shown, and of whatever rests on them. One run was imported
// whole; of another one step was measured here, and the others were imported.

let team: Team;
let reported: { id: string; name: string };
let mixed: { id: string; name: string };

const csv = (points: readonly ScriptedPoint[]): string =>
  [
    `step,${SPLITS.map((split) => `${split}_correct,${split}_total`).join(",")}`,
    ...points.map(({ step, accuracies }) =>
      [step, ...SPLITS.flatMap((split) => [correctOf(accuracies[split]), ROWS])].join(","),
    ),
  ].join("\n");

const get = async (path: string) => (await team.call("GET", path)).body;

beforeAll(async () => {
  team = await newTeam();
  const receiver = await startReceiver();
  await receiver.close();
  await team.call("POST", "/webhooks", { body: { url: receiver.url } });
  const [first, ...others] = SCRIPTS.grokked;
  if (!first) throw new Error("the script is empty");
  reported = await newTableModel(team);
  mixed = await newTableModel(team);
  await team.client.pushCheckpoint(mixed.id, first.step, tableModel("own", first.accuracies));
  await settledVerdict(team, mixed.id);
  for (const [model, points] of [
    [reported, SCRIPTS.grokked],
    [mixed, others],
  ] as const) {
    expect(await team.call("POST", `/models/${model.id}/import`, { body: csv(points) })).toMatchObject({ status: 200 });
    await settledVerdict(team, model.id);
  }
});

const both = () => [
  { model: reported, provenance: "reported" },
  { model: mixed, provenance: "mixed" },
];

test("the verdict, with a caveat that says what a gate does about it", async () => {
  for (const { model, provenance } of both()) {
    expect(await get(`/models/${model.id}/verdict`)).toMatchObject({
      verdict: "generalizer",
      evidence: { provenance },
      caveats: [{ code: "reported_evidence", message: expect.stringContaining("reported=allow") }],
    });
  }
});

test("the gate, whichever way it is asked", async () => {
  const digest = (await get(`/models/${mixed.id}/checkpoints/0`))["digest"];
  for (const { model, provenance } of both()) {
    const asked = ["", "&step=250", ...(model === mixed ? [`&digest=${digest}`] : [])];
    for (const subject of asked) {
      const path = `/models/${model.id}/verdict?require=generalizer${subject}`;
      expect(await team.call("GET", path)).toMatchObject({
        status: 412,
        body: { code: "verdict_not_met", detail: expect.stringContaining(`The evidence is ${provenance}`) },
      });
    }
    expect((await team.call("GET", `/models/${model.id}/verdict?require=generalizer&reported=allow`)).status).toBe(200);
  }
});

test("the transitions", async () => {
  for (const { model, provenance } of both()) {
    expect(await get(`/models/${model.id}/transitions`)).toMatchObject({ provenance });
  }
});

test("each point of a trajectory, each checkpoint and each evaluation", async () => {
  const trajectory = (await get(`/models/${mixed.id}/trajectory`))["points"] as { step: number; provenance?: string }[];
  expect(trajectory.filter((point) => point.provenance !== "reported").map(({ step }) => step)).toEqual([0]);
  const { checkpoints } = (await get(`/models/${mixed.id}/checkpoints`)) as {
    checkpoints: { step: number; evaluation: { provenance: string } }[];
  };
  for (const { step, evaluation } of checkpoints) {
    const provenance = step === 0 ? "measured" : "reported";
    expect(evaluation).toMatchObject({ provenance });
    if (step > 10) continue;
    expect(await get(`/models/${mixed.id}/checkpoints/${step}`)).toMatchObject({ evaluation: { provenance } });
    expect(await get(`/models/${mixed.id}/checkpoints/${step}/evaluation`)).toMatchObject({ provenance });
  }
});

test("webhooks: every event about a transition or a verdict", async () => {
  const rows = await team.db
    .select()
    .from(deliveries)
    .where(eq(deliveries.teamId, team.id))
    .orderBy(asc(deliveries.id));
  const told = rows.map(({ eventType, body }) => ({ eventType, ...JSON.parse(body).data }));
  for (const { model, provenance } of both()) {
    const own = told.filter(({ modelId }) => modelId === model.id);
    expect(own.map(({ eventType }) => eventType)).toContain("transition.detected");
    for (const event of own) expect(event).toMatchObject({ provenance });
  }
  expect(told.map(({ eventType }) => eventType)).toContain("verdict.changed");
});

test("the list of models, and the pages", async () => {
  const { models } = (await get("/models")) as { models: { id: string; provenance: string }[] };
  for (const { model, provenance } of both()) {
    expect(models.find(({ id }) => id === model.id)).toMatchObject({ verdict: "generalizer", provenance });
  }
  const headers = { accept: "text/html", ...(await signedIn(team)) };
  const page = async (path: string) => (await team.call("GET", path, { headers, key: null })).text;
  expect(await page("/")).toMatch(/\(reported\).*\(partly reported\)|\(partly reported\).*\(reported\)/s);
  expect(await page(`/models/${reported.id}`)).toContain("<b>reported</b>");
  expect(await page(`/models/${mixed.id}`)).toContain("<b>partly reported</b>");
  expect(await page(`/models/${mixed.id}`)).toContain("reported=allow");
});

test("a comparison takes none of it", async () => {
  for (const query of ["step=10&with=0", "step=0&with=10"]) {
    expect(await team.call("GET", `/models/${mixed.id}/compare?${query}`)).toMatchObject({
      status: 409,
      body: { code: "not_comparable" },
    });
  }
});

test("what is taken away takes its provenance with it", async () => {
  const { id } = await newTableModel(team);
  const [first, ...others] = SCRIPTS.memorizer.slice(0, 5);
  if (!first) throw new Error("the script is empty");
  await team.client.pushCheckpoint(id, first.step, tableModel("own", first.accuracies));
  await settledVerdict(team, id);
  await team.call("POST", `/models/${id}/import`, { body: csv(others) });
  expect((await settledVerdict(team, id)).evidence.provenance).toBe("mixed");
  await team.call("DELETE", `/models/${id}/checkpoints?from=10`);
  expect((await settledVerdict(team, id)).evidence.provenance).toBe("measured");
});
