import { expect, test } from "vitest";
import { bomb, greedyTable, impossibleShapes, lateBomb, smallTable, unknownOperator } from "./hostile-models.ts";
import { newTeam, type Team, until } from "./service.ts";
import { ROWS } from "./table-model.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict, trajectoryOf } from "./trajectories.ts";

interface CheckpointDocument {
  step: number;
  evaluation: { status: string; failure?: { code: string; message: string } };
}

const push = (team: Team, id: string, step: number, body: Uint8Array<ArrayBuffer>) =>
  team.call("PUT", `/models/${id}/checkpoints/${step}`, { body });

const ended = (team: Team, id: string, step: number) =>
  until(`an end of the evaluation of step ${step}`, async () => {
    const { body } = await team.call<CheckpointDocument>("GET", `/models/${id}/checkpoints/${step}`);
    return body.evaluation.status !== "queued" && body;
  });

test.each([
  { name: "asks for gigabytes when it is loaded", make: bomb, code: /^model_(refused|failed)$/ },
  { name: "asks for gigabytes when it is run", make: lateBomb, code: /^model_failed$/ },
  { name: "needs an operator that nobody has", make: unknownOperator, code: /^model_refused$/ },
  { name: "multiplies what does not fit", make: impossibleShapes, code: /^model_refused$/ },
  { name: "looks up a row it does not have", make: (name: string) => smallTable(name, 2, 10), code: /^model_failed$/ },
  {
    name: "has fewer classes than the suite",
    make: (name: string) => smallTable(name, 360, 3),
    code: /^output_mismatch$/,
  },
])("a model that $name fails with a code and a sentence, and the next one is evaluated", async ({ make, code }) => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  const [start, after] = SCRIPTS.memorizer;
  if (!start || !after) throw new Error("the script is empty");
  await pushAll(team, id, [start]);
  expect((await push(team, id, 5, make("hostile"))).status).toBe(202);
  await pushAll(team, id, [after]);

  const { evaluation } = await ended(team, id, 5);
  expect(evaluation).toMatchObject({
    status: "failed",
    failure: { code: expect.stringMatching(code), message: expect.stringMatching(/\w{3,} \w+/) },
  });
  // Two good ones around it: the frontier passes the failed one, which is no point of the verdict.
  expect(await settledVerdict(team, id)).toMatchObject({ asOfStep: 10, checkpoints: 2 });
  const points = await trajectoryOf(team, id);
  expect(points.map(({ step, splits, failure }) => [step, splits !== undefined, failure !== undefined])).toEqual([
    [0, true, false],
    [5, false, true],
    [10, true, false],
  ]);
});

test("a model that answers everything the same is evaluated: ties go to the lowest class", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  await push(team, id, 1, smallTable("ties", 360, 10, 0));
  expect((await ended(team, id, 1)).evaluation).toMatchObject({
    status: "done",
    splits: { train: { correct: ROWS / 10, total: ROWS, loss: expect.closeTo(Math.log(10), 5) } },
  });
});

test("weights that are no numbers count for no fall of the norm: a run that diverges is not latent", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.memorizer);
  for (const step of [500, 510]) await push(team, id, step, smallTable(`diverged ${step}`, 360, 10, Number.NaN));
  const verdict = await settledVerdict(team, id);
  expect(verdict).toMatchObject({ verdict: "memorizer", asOfStep: 510, deployable: false });
  expect(verdict.evidence.weightNorm).toMatchObject({ trend: "flat" });
  const last = (await trajectoryOf(team, id)).at(-1);
  expect(last?.splits?.["train"]).toEqual({ correct: 0, total: ROWS, loss: null });
});

test("a model whose batches do not fit the memory is evaluated in smaller ones", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  // 1.2 MB a row: 32 rows fit an isolate, 64 do not.
  await push(team, id, 1, greedyTable("greedy", 300_000));
  const all = { correct: ROWS, total: ROWS };
  expect((await ended(team, id, 1)).evaluation).toMatchObject({
    status: "done",
    splits: { train: all, validation: all, "ood:shift": all },
  });
});

test("models that exhaust the memory, one after the other, spoil nothing for another team", async () => {
  const [greedy, other] = [await newTeam(), await newTeam()];
  const { id } = await newTableModel(greedy);
  const { id: good } = await newTableModel(other);
  for (let step = 0; step < 12; step += 1) {
    // 120 MB for a single row, or 2 GB at load: the heap has 80 MB.
    await push(greedy, id, step, step % 2 ? bomb(`bomb ${step}`) : greedyTable(`greedy ${step}`, 30_000_000));
    expect((await ended(greedy, id, step)).evaluation).toMatchObject({
      status: "failed",
      failure: { code: expect.stringMatching(/^model_(failed|refused)$/) },
    });
    await push(other, good, step, smallTable(`good ${step}`, 360, 10, step + 1));
    expect((await ended(other, good, step)).evaluation).toMatchObject({ status: "done" });
  }
});
