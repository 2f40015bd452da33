import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { checkpoints, models, pins } from "../../src/database/schema.ts";
import { newId } from "../../src/ids.ts";
import { sweptObjects } from "./objects.ts";
import { expectRefusal } from "./refused.ts";
import { newTeam, until } from "./service.ts";
import { tableModel } from "./table-model.ts";
import { newTableModel, pushAll, script, settledVerdict, verdictOf } from "./trajectories.ts";

// It crosses after 20 of 150 checkpoints: the next 100 from the end keep their bytes in any case.
const POINTS = script([1, 0.1, 0.1, 0.1], [11, 1, 0.1, 0.1], [3, 1, 0.5, 0.5], [135, 1, 1, 1]);

test("of a long run each n-th keeps its bytes, with the newest and those around the crossing; what was measured stays", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  await pushAll(team, id, POINTS, 8);
  const before = await settledVerdict(team, id);
  const [crossing] = before.transitions;
  expect(before).toMatchObject({ verdict: "generalizer", checkpoints: POINTS.length });
  expect((await team.call("PATCH", `/models/${id}`, { body: { keepEvery: 10 } })).status).toBe(200);
  const dropped = await until("the sweep to have dropped some", async () => {
    const rows = await team.db.select().from(checkpoints).where(eq(checkpoints.modelId, id));
    const found = rows.filter(({ droppedAt }) => droppedAt !== null).map(({ step }) => step);
    return found.length > 0 && found.sort((a, b) => a - b);
  });
  expect(dropped.every((step) => step > Number(crossing?.settledStep) + 100)).toBe(true);
  expect(dropped.every((step) => step < (POINTS.length - 100) * 10)).toBe(true);
  // The suite's and those of all that were not dropped.
  expect(await sweptObjects(team)).toHaveLength(1 + POINTS.length - dropped.length);
  expect(await verdictOf(team, id)).toEqual(before);

  const [first = 0] = dropped;
  const at = `/models/${id}/checkpoints/${first}`;
  expect(await team.call("GET", at)).toMatchObject({
    status: 200,
    body: { stored: false, evaluation: { status: "done" } },
  });
  expectRefusal(await team.call("GET", `${at}/artifact`), {
    status: 410,
    code: "artifact_gone",
    says: "push the step again",
  });
  // The very bytes again: they are kept again, until the next sweep that looks at this model.
  const accuracies = POINTS.find(({ step }) => step === first)?.accuracies;
  if (!accuracies) throw new Error("no such step");
  const again = await team.call("PUT", at, { body: tableModel(`step ${first}`, accuracies) });
  expect(again.status).toBe(200);
  expect((await team.call("GET", `${at}/artifact`)).status).toBe(200);
}, 240_000);

test("while a model moves to another suite version, what is to be evaluated there keeps its bytes", async () => {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  const ofModel = eq(models.id, id);
  const [model] = await team.db.select().from(models).where(ofModel);
  if (!model) throw new Error("there is no model");
  const { suiteVersionId, teamId } = model;
  // As a move leaves it that has queued nothing yet; nobody takes it further.
  const pinnedAt = new Date(Date.now() + 3600_000);
  const move = { modelId: id, suiteVersionId, teamId, fromVersionId: suiteVersionId, throughStep: 149, pinnedAt };
  await team.db.insert(pins).values({ ...move, hintedAt: pinnedAt });
  const rows = Array.from({ length: 150 }, (_, step) => ({ id: newId("checkpoint"), teamId, modelId: id, step }));
  await team.db.insert(checkpoints).values(rows);
  const dropped = async () => {
    const found = await team.db.select().from(checkpoints).where(eq(checkpoints.modelId, id));
    return found.filter(({ droppedAt }) => droppedAt !== null).length;
  };
  await team.db.update(models).set({ keepEvery: 10 }).where(ofModel);
  await until("the sweep to have looked at the model", async () => {
    const [looked] = await team.db.select().from(models).where(ofModel);
    return looked?.thinnedAt !== null;
  });
  expect(await dropped()).toBe(0);

  await team.db.update(pins).set({ backfilledAt: new Date() }).where(eq(pins.modelId, id));
  await team.db.update(models).set({ thinnedAt: null }).where(ofModel);
  expect(await until("the sweep to have dropped some", dropped)).toBe(45);
});
