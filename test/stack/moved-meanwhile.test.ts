import { and, eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { evaluations } from "../../src/database/schema.ts";
import { deleteCheckpoints } from "../../src/services/checkpoint/delete.ts";
import { reportEvaluation } from "../../src/services/evaluation/report.ts";
import { getModel } from "../../src/services/model/internal.ts";
import { updateModel } from "../../src/services/model/update.ts";
import { contextOf } from "./in-process.ts";
import { newTeam, type Team, until } from "./service.ts";
import { correctOf, ROWS, SPLITS, tableSuite } from "./table-model.ts";
import { newTableModel, SCRIPTS, type ScriptedPoint, type VerdictDocument } from "./trajectories.ts";

const HEADER = ["step", ...SPLITS.flatMap((split) => [`${split}_correct`, `${split}_total`])].join(",");
const csv = (points: readonly ScriptedPoint[]) =>
  [
    HEADER,
    ...points.map(({ step, accuracies }) =>
      [step, ...SPLITS.flatMap((split) => [correctOf(accuracies[split]), ROWS])].join(","),
    ),
  ].join("\n");

const importInto = (team: Team, id: string, points: readonly ScriptedPoint[]) =>
  team.call("POST", `/models/${id}/import`, { body: csv(points), headers: { "content-type": "text/csv" } });

const verdictOn = async (team: Team, id: string, version: string) =>
  (await team.call<VerdictDocument>("GET", `/models/${id}/verdict?suite=${version}`)).body;

/** Puts another version of the suite, whose splits ask other rows, and moves the model there. */
async function moveOn(team: Team, { id, suite }: { id: string; suite: string }) {
  const file = tableSuite(["train", "ood:shift", "validation"]);
  const { body } = await team.call<{ version: string }>("PUT", `/suites/${suite}`, { body: file });
  expect((await team.call("PATCH", `/models/${id}`, { body: { suite } })).status).toBe(200);
  await until("the move's end", async () => {
    const { caveats } = await verdictOn(team, id, body.version);
    return !caveats.map(({ code }): string => code).includes("backfilling");
  });
  return body.version;
}

test("a deletion, a policy and a report that read the model before it moved are of where it is by then, and of where it was", async () => {
  const team = await newTeam();
  const made = await newTableModel(team);
  const { id } = made;
  await importInto(team, id, SCRIPTS.grokked);
  const ctx = contextOf(team, ["push", "admin"]);
  const stale = await getModel(ctx, id);
  const first = stale.suiteVersion.version;
  const second = await moveOn(team, made);
  await importInto(team, id, SCRIPTS.grokked);
  for (const version of [first, second]) {
    expect(await verdictOn(team, id, version)).toMatchObject({
      verdict: "generalizer",
      checkpoints: SCRIPTS.grokked.length,
    });
  }

  await deleteCheckpoints(ctx, stale, { from: 130 });
  const left = SCRIPTS.grokked.filter(({ step }) => step < 130).length;
  for (const version of [first, second]) {
    expect(await verdictOn(team, id, version)).toMatchObject({ verdict: "memorizer", checkpoints: left });
  }

  await updateModel(ctx, stale, { policy: { floor: 0.01, ceiling: 0.05 } });
  for (const version of [first, second]) {
    expect((await verdictOn(team, id, version)).verdict).not.toBe("memorizer");
  }

  const counts = Object.fromEntries(SPLITS.map((split) => [split, { correct: 1, total: ROWS }]));
  await expect(
    reportEvaluation(ctx, stale, 0, { text: JSON.stringify({ splits: counts }), tasks: new Map(), metric: null }),
  ).rejects.toMatchObject({
    code: "model_moving",
  });
});

test("a move of more checkpoints than one message takes queues each of them once, in several", async () => {
  const team = await newTeam();
  const made = await newTableModel(team);
  const points = Array.from({ length: 120 }, (_, n) => ({
    step: n,
    accuracies: { train: 1, validation: 0.1, "ood:shift": 0.1 },
  }));
  await importInto(team, made.id, points);
  await moveOn(team, made);
  const { suiteVersionId } = await getModel(contextOf(team, ["push", "admin"]), made.id);
  const rows = await team.db
    .select({ step: evaluations.step, code: evaluations.failureCode })
    .from(evaluations)
    .where(and(eq(evaluations.modelId, made.id), eq(evaluations.suiteVersionId, suiteVersionId)));
  expect(rows.map(({ step }) => step).sort((a, b) => a - b)).toEqual(points.map(({ step }) => step));
  expect(new Set(rows.map(({ code }) => code))).toEqual(new Set(["no_bytes"]));
});
