import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { announcements, judgements } from "../../src/database/schema.ts";
import { DETECTOR_VERSION } from "../../src/phases/judge.ts";
import { newTeam, type Team } from "./service.ts";
import { correctOf, ROWS } from "./table-model.ts";
import {
  newTableModel,
  pushAll,
  SCRIPTS,
  settledVerdict,
  trajectoryOf,
  type VerdictDocument,
  withoutIds,
} from "./trajectories.ts";

interface Announced {
  transitions: VerdictDocument["transitions"];
  announcements: { position: number; type: string; asOfStep: number; transition: { id: string; split: string } }[];
}

async function judged(name: keyof typeof SCRIPTS, atOnce = 4): Promise<{ team: Team; verdict: VerdictDocument }> {
  const team = await newTeam();
  const { id } = await newTableModel(team);
  await pushAll(team, id, SCRIPTS[name], atOnce);
  return { team, verdict: await settledVerdict(team, id) };
}

test.each([
  { name: "underfit", want: { verdict: "underfit", benchmarkBlind: false } },
  { name: "memorizer", want: { verdict: "memorizer", benchmarkBlind: false, transitions: [] } },
  { name: "blind", want: { verdict: "memorizer", benchmarkBlind: true } },
  { name: "partial", want: { verdict: "partial_generalizer", benchmarkBlind: false } },
  { name: "regressed", want: { verdict: "regressed", kind: "ungrokking" } },
] as const)("$name arrives as $want.verdict and is not deployable", async ({ name, want }) => {
  const { verdict } = await judged(name);
  expect(verdict).toMatchObject({ route: null, deployable: false, forecast: null, ...want });
  expect(verdict.summary).not.toBe("");
});

test("a model that crosses late is a grokked generalizer, deployable, with its transition in evidence and ledger", async () => {
  const { team, verdict } = await judged("grokked");
  expect(verdict).toMatchObject({
    verdict: "generalizer",
    route: "grokked",
    kind: null,
    deployable: true,
    benchmarkBlind: false,
    asOfStep: 250,
    checkpoints: 26,
    needed: null,
  });
  expect(verdict.evidence.splits.map(({ split, phase, level, total }) => ({ split, phase, level, total }))).toEqual([
    { split: "train", phase: "fitted", level: 1, total: ROWS },
    { split: "validation", phase: "settled", level: 1, total: ROWS },
    { split: "ood:shift", phase: "settled", level: 1, total: ROWS },
  ]);

  const shift = verdict.transitions.find(({ split }) => split === "ood:shift");
  expect(shift).toMatchObject({ kind: "generalization", onsetStep: 120, settledStep: 160 });
  expect(shift?.id).toMatch(/^trn_/);
  const { body } = await team.call<Announced>("GET", `/models/${verdict.model}/transitions`);
  expect(body.transitions).toEqual(verdict.transitions);
  const of = body.announcements.filter(({ transition }) => transition.split === "ood:shift");
  expect(of.map(({ type }) => type)).toEqual(["detected", "settled"]);
  expect(new Set(of.map(({ transition }) => transition.id))).toEqual(new Set([shift?.id]));
  expect(of[0]?.asOfStep).toBe(shift?.detectedAtStep);

  const rows = await team.db.select().from(announcements).where(eq(announcements.teamId, team.id));
  expect(rows.map(({ position }) => position).sort((a, b) => a - b)).toEqual(rows.map((_, n) => n + 1));
  const [judgement] = await team.db.select().from(judgements).where(eq(judgements.teamId, team.id));
  expect(judgement).toMatchObject({ detectorVersion: DETECTOR_VERSION, foldedStep: 250, foldedPoints: 26 });
});

test("every accuracy that a model was made with is counted exactly", async () => {
  const { team, verdict } = await judged("grokked");
  const counted = (await trajectoryOf(team, verdict.model)).map(({ step, splits = {} }) => ({
    step,
    counts: Object.values(splits).map(({ correct, total }) => [correct, total]),
  }));
  const made = SCRIPTS.grokked.map(({ step, accuracies }) => ({
    step,
    counts: [accuracies.train, accuracies.validation, accuracies["ood:shift"]].map((a) => [correctOf(a), ROWS]),
  }));
  expect(counted).toEqual(made);
});

test("the list of models tells each one's verdict", async () => {
  const { team, verdict } = await judged("memorizer");
  const { id: fresh } = await newTableModel(team);
  const { body } = await team.call<{ models: { id: string; verdict: string | null }[] }>("GET", "/models");
  expect(body.models.map(({ id, verdict }) => ({ id, verdict }))).toEqual([
    { id: fresh, verdict: null },
    { id: verdict.model, verdict: "memorizer" },
  ]);
});

test("a model's policy decides with: a lower ceiling makes a generalizer of a plateau", async () => {
  const team = await newTeam();
  const { suite } = await newTableModel(team);
  const policy = { ceiling: 0.3 };
  const { status, body } = await team.call("POST", "/models", { body: { name: "lenient", suite, policy } });
  expect({ status, body }).toMatchObject({ status: 201, body: { policy } });
  await pushAll(team, "lenient", SCRIPTS.partial);
  expect(await settledVerdict(team, "lenient")).toMatchObject({ verdict: "generalizer", deployable: true });
});

test("checkpoints pushed one at a time or many at once lead to one verdict", async () => {
  const [slow, fast] = [await judged("grokked", 1), await judged("grokked", 12)];
  expect(withoutIds(fast.verdict)).toEqual(withoutIds(slow.verdict));
});
