import { expect, test } from "vitest";
import { judge, type Point } from "../../src/phases/judge.ts";
import { smallTable } from "./hostile-models.ts";
import { newTeam, type Team, until } from "./service.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict } from "./trajectories.ts";

type Layers = Record<string, Record<"norm" | "effectiveRank" | "stableRank" | "alpha", number | null>>;

const layersOf = (team: Team, id: string, step: number) =>
  until(`the evaluation of step ${step}`, async () => {
    const { body } = await team.call<{ layers: Layers | null; evaluation: { status: string } }>(
      "GET",
      `/models/${id}/checkpoints/${step}`,
    );
    return body.evaluation.status === "done" && body;
  });

test("a checkpoint's weight matrices are told with their spectra once it is evaluated", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.grokked);
  await settledVerdict(team, id);
  // One entry a row, and each of the ten answers equally often: ten equal singular values.
  const last = SCRIPTS.grokked.at(-1)?.step ?? 0;
  const { layers } = await layersOf(team, id, last);
  expect(Object.keys(layers ?? {})).toEqual(["table"]);
  expect(layers?.["table"]).toEqual({
    norm: expect.closeTo(50, 4),
    effectiveRank: expect.closeTo(10, 6),
    stableRank: expect.closeTo(10, 6),
    alpha: null,
  });
});

test("the verdict shows what the layers say as judge does of the trajectory, and is the same without them", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  // Late and out of order: what a replay folds must have its layers too.
  await pushAll(team, id, SCRIPTS.grokked.toReversed(), 8);
  const { evidence, verdict } = await settledVerdict(team, id);
  const read = async (query: string) =>
    (await team.call<{ points: Point[] }>("GET", `/models/${id}/trajectory${query}`)).body.points;
  const points = await read("?layers=true");
  expect(points.every(({ layers }) => layers?.["table"] !== undefined)).toBe(true);

  const options = { chance: { train: 0.1, validation: 0.1, "ood:shift": 0.1 } };
  expect(evidence.structure).toMatchObject({ layers: 1, asOfStep: points.at(-1)?.step });
  expect(evidence.structure).toEqual(judge(points, options).evidence.structure);
  const without = await read("");
  expect(without.some((point) => "layers" in point)).toBe(false);
  expect(judge(without, options)).toMatchObject({ verdict, evidence: { structure: null } });
});

test("another team's session of the same bytes spares nobody the layers", async () => {
  const body = smallTable("of two teams", 360, 10);
  const told = [];
  for (const team of [await newTeam(), await newTeam()]) {
    const { id } = await newTableModel(team);
    expect((await team.call("PUT", `/models/${id}/checkpoints/1`, { body })).status).toBe(202);
    told.push((await layersOf(team, id, 1)).layers);
  }
  expect(told[0]?.["table"]?.norm).toBeGreaterThan(0);
  expect(told[1]).toEqual(told[0]);
});

test("of weights that are no numbers there is no spectrum, and the checkpoint is evaluated all the same", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  const body = smallTable("diverged", 360, 10, Number.NaN);
  expect((await team.call("PUT", `/models/${id}/checkpoints/1`, { body })).status).toBe(202);
  const unknown = { norm: null, effectiveRank: null, stableRank: null, alpha: null };
  expect((await layersOf(team, id, 1)).layers).toEqual({ table: unknown });
});

test("a checkpoint that diverged takes nothing of what the layers said before, and judge agrees", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS.memorizer);
  const { evidence: before } = await settledVerdict(team, id);
  expect(before.structure).toMatchObject({ layers: 1 });
  await team.call("PUT", `/models/${id}/checkpoints/500`, { body: smallTable("diverged", 360, 10, Number.NaN) });
  const { evidence, asOfStep } = await settledVerdict(team, id);
  expect(asOfStep).toBe(500);
  expect(evidence.structure).toEqual(before.structure);
  expect(before.structure?.effectiveRank).not.toBeNull();

  const { body } = await team.call<{ points: Point[] }>("GET", `/models/${id}/trajectory?layers=true`);
  expect(body.points.at(-1)).not.toHaveProperty("layers");
  expect(body.points.at(-1)).toMatchObject({ step: 500, weightNorm: null });
  const judged = judge(body.points, { chance: { train: 0.1, validation: 0.1, "ood:shift": 0.1 } });
  expect(judged.evidence).toMatchObject({ structure: evidence.structure, weightNorm: evidence.weightNorm });
});
