import { judge, type Point, type Transition, type Verdict } from "../../src/phases/judge.ts";
import type { Detector, FoundEvent, Series } from "./series.ts";

const CHANCE = { train: 0, "ood:shift": 0 };
const OPTIONS = { chance: CHANCE };

/** The series as a trajectory: m is the accuracy of one OOD split whose chance is 0. */
export function toPoints({ steps, m, train, total }: Series): Point[] {
  return steps.map((step, i) => {
    const trained = train[i] ?? null;
    const splits: Point["splits"] = { "ood:shift": { correct: Math.round((m[i] ?? 0) * total), total } };
    if (trained !== null) splits["train"] = { correct: Math.round(trained * 1000), total: 1000 };
    return { step, splits };
  });
}

export const judgeSeries = (series: Series): Verdict => judge(toPoints(series), OPTIONS);

export function toFound(transition: Transition, steps: readonly number[]): FoundEvent {
  return {
    kind: transition.kind,
    onset: steps.indexOf(transition.onsetStep),
    detectedAt: steps.indexOf(transition.detectedAtStep),
  };
}

/** This project's detector, as the service runs it. */
export const OURS: Detector = {
  name: "Curie Point",
  description: "e-detector on counts, one fold, defaults",
  find: (series) => judgeSeries(series).transitions.map((transition) => toFound(transition, series.steps)),
};
