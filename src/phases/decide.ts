import type { FoldState } from "./fold.ts";
import { reorganising } from "./norm.ts";
import { decidingOf } from "./points.ts";
import { accuracyAt, rescale, type SplitState } from "./split.ts";
import { examplesUntil, median, wilson } from "./statistics.ts";
import { trainLevel } from "./train.ts";
import type { RegressionKind, Route, VerdictName } from "./types.ts";

/** Where a deciding split stands, as far as its examples can tell. */
export interface Standing {
  split: SplitState;
  band: "floor" | "middle" | "ceiling";
  rising: boolean;
  regressed: boolean;
  level: number;
  interval: [number, number];
  /** The interval spans both thresholds: any verdict would be a guess. */
  undecided: boolean;
  /** Examples that would tell which side of a threshold the level is on; null where it is told. */
  examples: number | null;
}

export interface Decision {
  verdict: VerdictName;
  route: Route | null;
  kind: RegressionKind | null;
  standings: Standing[];
}

/** An interval, in m, no wider than this is told even where a threshold lies in it. */
const TOLD_WIDTH = 0.1;
/** A grokked model generalized at least so much later than it fitted, and not before. */
const GROKKED = { atFit: 0.25, checkpoints: 5, times: 3 };

export const decidingSplits = (state: FoldState): string[] => decidingOf(Object.keys(state.splits));

/** The verdict on these splits: the first of the definitions that holds. */
export function decide(state: FoldState, deciding: readonly string[]): Decision {
  const standings = deciding.map((name) => state.splits[name]).filter((split) => split !== undefined);
  const stands = standings.map((split) => standingOf(state, split));
  const verdict = decideVerdict(state, stands);
  return {
    verdict,
    route: verdict === "generalizer" ? routeOf(state, stands) : null,
    kind: verdict === "regressed" ? kindOf(state) : null,
    standings: stands,
  };
}

function decideVerdict(state: FoldState, stands: readonly Standing[]): VerdictName {
  const { policy, train } = state;
  const fewest = Math.min(...stands.map(({ split }) => split.measured));
  if (stands.length === 0 || fewest < Math.max(policy.minimumCheckpoints, policy.dwell)) return "insufficient_evidence";
  if (stands.some(({ undecided }) => undecided)) return "insufficient_evidence";
  if (stands.some(({ regressed }) => regressed)) return "regressed";
  if (stands.every(({ band }) => band === "ceiling")) return "generalizer";
  if (stands.some(({ rising }) => rising)) return "transitioning";
  if (stands.some(({ band }) => band !== "floor")) return "partial_generalizer";
  const fitted = trainLevel(train);
  // Without train, a memorizer and a model that has learned nothing look the same.
  if (fitted === null) return "insufficient_evidence";
  if (fitted < policy.underfit) return "underfit";
  return reorganising(state.norm, state.checkpoints) ? "latent" : "memorizer";
}

export function standingOf(state: FoldState, split: SplitState): Standing {
  const { floor, ceiling, dwell } = state.policy;
  const level = median(split.raw.slice(-Math.min(dwell, split.sinceTotals)).map(({ value }) => value));
  const accuracy = clamp(accuracyAt(split, level));
  const interval = wilson(accuracy, split.total);
  const [low, high] = interval.map((edge) => rescale(split, edge)) as [number, number];
  const spans = (threshold: number) => low < threshold && threshold <= high;
  const wide = high - low > TOLD_WIDTH;

  let band: Standing["band"] = "middle";
  if (split.atCeiling) band = wide && spans(ceiling) ? "middle" : "ceiling";
  else if (split.phase === "floor" || (wide && spans(floor) && split.phase === "settled")) band = "floor";
  const tells = ([from, to]: [number, number]) => {
    const [a, b] = [rescale(split, from), rescale(split, to)];
    return b - a <= TOLD_WIDTH || ![floor, ceiling].some((threshold) => a < threshold && threshold <= b);
  };
  return {
    split,
    band,
    rising: split.phase === "rising",
    regressed: split.lost && split.phase !== "rising",
    level: accuracy,
    interval,
    undecided: spans(floor) && spans(ceiling),
    examples: tells(interval) ? null : examplesUntil(accuracy, tells),
  };
}

const clamp = (fraction: number): number => Math.min(1, Math.max(0, fraction));

/** By the split that reached its ceiling last. Null where the log cannot tell how long it took after the fit. */
function routeOf(state: FoldState, stands: readonly Standing[]): Route | null {
  const { fit, beganFitted, raw } = state.train;
  const last = stands
    .map(({ split }) => split)
    .toSorted((a, b) => (a.firstCeiling?.index ?? 0) - (b.firstCeiling?.index ?? 0))
    .at(-1);
  if (beganFitted || raw.length === 0 || !last?.firstCeiling) return null;
  if (fit === null) return "gradual";
  if (last.atFit === null) return null;
  const { step, index } = last.firstCeiling;
  const late = index - fit.index >= GROKKED.checkpoints && step >= GROKKED.times * fit.step;
  return last.atFit <= GROKKED.atFit && late ? "grokked" : "gradual";
}

/** Lost with train kept, or lost with everything. Train is read over a dwell: over 10 it would trail the loss. */
function kindOf(state: FoldState): RegressionKind | null {
  const fitted = trainLevel(state.train, state.policy.dwell);
  if (fitted === null) return null;
  return fitted >= state.policy.underfit ? "ungrokking" : "collapse";
}
