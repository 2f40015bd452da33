import { dipsNow, gatherCaveats, stale } from "./caveats.ts";
import { type Decision, decide, decidingSplits } from "./decide.ts";
import { gatherEvidence } from "./evidence.ts";
import type { FoldState } from "./fold.ts";
import { isOod } from "./points.ts";
import { summarise } from "./summary.ts";
import type { Transition, Verdict } from "./types.ts";

const FORECAST_REASON =
  "Behaviour after a transition cannot be read off measurements before it, so nothing is predicted.";

/** The verdict on everything folded in so far: a function of the set of points alone. */
export function conclude(state: FoldState): Verdict {
  const deciding = decidingSplits(state);
  const decision = decide(state, deciding);
  const transitions = listTransitions(state);
  const needed = neededOf(state, decision);
  const deployable = deployableOf(state, decision);
  return {
    verdict: decision.verdict,
    route: decision.route,
    kind: decision.kind,
    deployable,
    benchmarkBlind: benchmarkBlindOf(state, decision, deciding),
    asOfStep: state.lastStep,
    checkpoints: state.checkpoints,
    summary: summarise(state, decision, { deployable, needed, transitions }),
    evidence: gatherEvidence(state, decision),
    transitions,
    needed,
    caveats: gatherCaveats(state, decision),
    forecast: null,
    forecastReason: FORECAST_REASON,
  };
}

/** A generalizer, shown so out of distribution to the last, whose latest checkpoint is not itself a deep dip. */
function deployableOf(state: FoldState, { verdict, standings }: Decision): boolean {
  if (verdict !== "generalizer") return false;
  const evident = standings.every(({ split }) => isOod(split.split)) || state.policy.allowValidation;
  return evident && !standings.some(({ split }) => dipsNow(state, split) || stale(state, split));
}

/** Validation alone would have passed a model that the verdict does not. */
function benchmarkBlindOf(state: FoldState, { verdict }: Decision, deciding: readonly string[]): boolean | null {
  if (!deciding.some(isOod)) return null;
  return verdict !== "generalizer" && decide(state, ["validation"]).verdict === "generalizer";
}

function neededOf(state: FoldState, { verdict, standings }: Decision): Verdict["needed"] {
  const measured = standings.length === 0 ? 0 : Math.min(...standings.map(({ split }) => split.measured));
  const checkpoints = Math.max(0, Math.max(state.policy.minimumCheckpoints, state.policy.dwell) - measured);
  const short = standings.filter(({ examples }) => examples !== null);
  const examples = Math.max(0, ...short.map(({ split, examples }) => (examples ?? 0) - split.total));
  const noTrain = verdict === "insufficient_evidence" && checkpoints === 0 && examples === 0;
  return checkpoints === 0 && examples === 0 && !noTrain ? null : { checkpoints, examples };
}

const listTransitions = (state: FoldState): Transition[] =>
  Object.values(state.splits)
    .flatMap(({ transitions }) => transitions.map(({ transition }) => ({ ...transition })))
    .toSorted((a, b) => a.onsetStep - b.onsetStep || (a.split < b.split ? -1 : Number(a.split > b.split)));
