import { fraction, stale } from "./caveats.ts";
import type { Decision, Standing } from "./decide.ts";
import type { FoldState } from "./fold.ts";
import { trainLevel } from "./train.ts";
import type { Transition, Verdict } from "./types.ts";

/** One sentence that says what to do and why. A stretch without a transition says by which step it has seen none. */
export function summarise(
  state: FoldState,
  decision: Decision,
  verdict: Pick<Verdict, "deployable" | "needed" | "transitions">,
): string {
  const { standings } = decision;
  const step = state.lastStep;
  if (step === null) return "No judgement yet: no checkpoint is evaluated.";
  const seen = verdict.transitions.length === 0 ? `; transitions: none by step ${step}` : "";
  const train = trainLevel(state.train);
  const fitted = train === null ? "train is not measured" : `train is at ${fraction(train)}`;
  const below = list(standings.filter(({ band }) => band !== "ceiling"));

  switch (decision.verdict) {
    case "insufficient_evidence":
      return `No judgement by step ${step}: ${shortage(state, standings, verdict.needed)}${seen}.`;
    case "underfit":
      return `Do not deploy: ${fitted}, so there is nothing to generalize from yet${seen}.`;
    case "memorizer":
      return `Do not deploy: ${fitted} and the floor is held (${list(standings)}), so it memorizes${seen}.`;
    case "latent":
      return `Do not deploy and do not stop: the floor is held (${list(standings)}) while the weights reorganise${seen}.`;
    case "transitioning":
      return `Wait: a crossing is under way and not settled by step ${step} (${list(rising(standings))}).`;
    case "partial_generalizer":
      return `Do not deploy: it generalizes in part by step ${step}, without holding the ceiling on ${below}${seen}.`;
    case "regressed": {
      const lost = standings.filter(({ regressed }) => regressed);
      return `Do not deploy, go back to an earlier checkpoint: now ${list(lost)}, lost from ${losses(verdict.transitions, lost)}.`;
    }
    case "generalizer":
      return generalizes(state, standings, verdict, seen);
  }
}

function generalizes(
  state: FoldState,
  standings: readonly Standing[],
  verdict: Pick<Verdict, "deployable" | "transitions">,
  seen: string,
): string {
  const names = new Set(standings.map(({ split }) => split.split));
  const steps = verdict.transitions.flatMap(({ kind, split, settledStep }) =>
    kind === "generalization" && names.has(split) && settledStep !== null ? [settledStep] : [],
  );
  const since = steps.length === 0 ? seen : ` since step ${Math.max(...steps)}`;
  const held = `every deciding split holds its ceiling (${list(standings)})${since}`;
  if (verdict.deployable) return `Deploy: ${held}, judged by step ${state.lastStep}.`;
  const first = standings.every(({ split }) => split.split === "validation")
    ? "measure an OOD split first"
    : standings.some(({ split }) => stale(state, split))
      ? "measure every deciding split again"
      : "take an earlier checkpoint, the latest one dips";
  return `Do not deploy yet, ${first}: ${held}.`;
}

function shortage(state: FoldState, standings: readonly Standing[], needed: Verdict["needed"]): string {
  if (standings.length === 0) return "measure an OOD split or validation";
  if (needed !== null && needed.checkpoints > 0)
    return `evaluate at least ${needed.checkpoints} more checkpoint${needed.checkpoints === 1 ? "" : "s"}`;
  if (needed !== null && needed.examples > 0) return `add about ${needed.examples} examples to the shortest split`;
  return state.train.raw.length === 0 ? "measure train too" : "the evidence is short";
}

const rising = (standings: readonly Standing[]) => standings.filter((standing) => standing.rising);

const list = (standings: readonly Standing[]): string =>
  standings.map(({ split, level }) => `${split.split} ${fraction(level)}`).join(", ");

function losses(transitions: readonly Transition[], lost: readonly Standing[]): string {
  const names = new Set(lost.map(({ split }) => split.split));
  const falls = transitions.filter(({ kind, split }) => kind === "regression" && names.has(split));
  const last = falls.at(-1);
  return last === undefined ? "a held level" : `${fraction(last.from)} at step ${last.onsetStep}`;
}
