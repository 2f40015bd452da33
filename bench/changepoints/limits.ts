import { findChangePoints } from "../../src/phases/changepoints.ts";
import { covering, f1, mean } from "./score.ts";
import type { Annotated } from "./series.ts";

/** Multiples of the default penalty that the curve shows; none of them is chosen by it. */
const MULTIPLES = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 8];

export interface Limit {
  what: string;
  covering: number;
  f1: number;
}

/**
 * What keeps the scores down: the default penalty times a constant; the best constant for each series and score, which
 * nobody can know beforehand; and people, each annotator scored against the others of the same series.
 */
export function limits(group: readonly Annotated[]): Limit[] {
  const tried = group.map((one) =>
    MULTIPLES.map((penalty) => scoresOf(one, findChangePoints(one.series, { penalty }))),
  );
  const curve = MULTIPLES.map((multiple, k) => {
    const scores = tried.flatMap((each) => each[k] ?? []);
    return { what: `penalty x ${multiple}`, ...averaged(scores) };
  });
  const best = tried.map((each) => ({
    covering: Math.max(...each.map((score) => score.covering)),
    f1: Math.max(...each.map((score) => score.f1)),
  }));
  const people = group.flatMap((one) =>
    one.annotators.map((points, who) => {
      const others = one.annotators.filter((_, other) => other !== who);
      return scoresOf({ ...one, annotators: others }, points);
    }),
  );
  return [
    ...curve,
    { what: "the best of these for each series", ...averaged(best) },
    { what: "people against each other", ...averaged(people) },
  ];
}

type Scores = Omit<Limit, "what">;

function scoresOf(one: Annotated, found: readonly number[]): Scores {
  return { covering: covering(one.annotators, found, one.series[0]?.length ?? 0), f1: f1(one.annotators, found) };
}

function averaged(scores: readonly Scores[]): Scores {
  return { covering: mean(scores.map((score) => score.covering)), f1: mean(scores.map((score) => score.f1)) };
}
