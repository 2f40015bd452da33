import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Verdict } from "../../src/phases/judge.ts";
import { type Team, until } from "./service.ts";
import { type Accuracies, correctOf, ROWS, SPLITS, tableModel, tableSuite } from "./table-model.ts";

export interface ScriptedPoint {
  step: number;
  accuracies: Accuracies;
}

/** Stretches of equal checkpoints, as [checkpoints, train, validation, ood:shift] and perhaps the norm; steps of 10. */
export function script(...stretches: [number, number, number, number, number?][]): ScriptedPoint[] {
  return stretches
    .flatMap(([count, train, validation, ood, norm = 50]) =>
      Array.from({ length: count }, () => ({ train, validation, "ood:shift": ood, norm })),
    )
    .map((accuracies, n) => ({ step: n * 10, accuracies }));
}

const START: [number, number, number, number] = [1, 0.1, 0.1, 0.1];
export const SCRIPTS = {
  memorizer: script(START, [16, 1, 0.1, 0.1]),
  blind: script(START, [16, 1, 1, 0.1]),
  grokked: script(START, [12, 1, 0.1, 0.1], [3, 1, 0.5, 0.5], [10, 1, 1, 1]),
  regressed: script(START, [10, 1, 1, 1], [10, 1, 0.1, 0.1]),
  partial: script(START, [10, 1, 0.1, 0.1], [10, 1, 0.5, 0.5]),
  underfit: script([16, 0.2, 0.1, 0.1]),
};

export const HISTORY_HEADER = `step,weight_norm,${SPLITS.map((split) => `${split}_correct,${split}_total`).join(",")}`;

/** The same results as the history of a run that was evaluated elsewhere. */
export function historyCsv(points: readonly ScriptedPoint[], norm = "50"): string {
  const rows = points.map(({ step, accuracies }) =>
    [step, norm, ...SPLITS.flatMap((split) => [correctOf(accuracies[split]), ROWS])].join(","),
  );
  return [HISTORY_HEADER, ...rows, ""].join("\n");
}

/** A model on a table suite. */
export async function newTableModel(team: Team): Promise<{ id: string; name: string; suite: string }> {
  const tail = randomBytes(4).toString("hex");
  const [name, suite] = [`model-${tail}`, `suite-${tail}`];
  await team.client.putSuite(suite, tableSuite());
  const { id } = await team.client.createModel({ name, suite });
  return { id, name, suite };
}

/** Puts the checkpoints in the order given, `atOnce` of them at a time. */
export async function pushAll(team: Team, modelId: string, points: readonly ScriptedPoint[], atOnce = 4) {
  const left = [...points];
  const push = async () => {
    for (let point = left.shift(); point; point = left.shift()) {
      await team.client.pushCheckpoint(modelId, point.step, tableModel(`step ${point.step}`, point.accuracies));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, push));
}

export interface TrajectoryPoint {
  step: number;
  weightNorm: number;
  splits?: Record<string, { correct: number; total: number; loss: number | null }>;
  failure?: { code: string; message: string };
}

export interface VerdictDocument extends Verdict {
  model: string;
  suite: { name: string; version: string };
  detectorVersion: string;
  transitions: (Verdict["transitions"][number] & { id: string })[];
}

export async function trajectoryOf(team: Team, modelId: string): Promise<TrajectoryPoint[]> {
  return (await team.call<{ points: TrajectoryPoint[] }>("GET", `/models/${modelId}/trajectory`)).body.points;
}

export async function verdictOf(team: Team, modelId: string): Promise<VerdictDocument> {
  return (await team.call<VerdictDocument>("GET", `/models/${modelId}/verdict`)).body;
}

/** The verdict once every checkpoint is evaluated or has failed, and all of them are in it. */
export async function settledVerdict(team: Team, modelId: string): Promise<VerdictDocument> {
  return await until(`a verdict on all of ${modelId}`, async () => {
    const points = await trajectoryOf(team, modelId).catch(() => []);
    const evaluated = points.filter(({ splits }) => splits);
    if (points.length === 0 || points.some(({ splits, failure }) => !splits && !failure)) return null;
    const verdict = await verdictOf(team, modelId);
    // A late step changes the count and not the last step.
    const whole = verdict.asOfStep === (evaluated.at(-1)?.step ?? null) && verdict.checkpoints === evaluated.length;
    return whole ? verdict : null;
  });
}

/** What does not depend on who asked and when: ids left out. */
export function withoutIds({ model, suite, transitions, ...rest }: VerdictDocument) {
  return { ...rest, transitions: transitions.map(({ id, ...transition }) => transition) };
}

/** Time for the sweep to have come by. */
export const aFewSweeps = () => pause(3000);
