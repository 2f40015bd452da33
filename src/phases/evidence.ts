import { type Decision, decidingSplits, standingOf } from "./decide.ts";
import type { FoldState } from "./fold.ts";
import { fell, trendOf } from "./norm.ts";
import type { SplitState, TrackedTransition } from "./split.ts";
import { wilson } from "./statistics.ts";
import { structureEvidence } from "./structure.ts";
import { trainLevel } from "./train.ts";
import type { Evidence, SplitEvidence, SplitPhase, WeightNormEvidence } from "./types.ts";

export function gatherEvidence(state: FoldState, decision: Decision): Evidence {
  // In the order of names, not of keys, which a stored state need not keep.
  const tracked = decidingSplits(state)
    .flatMap((name) => state.splits[name]?.transitions ?? [])
    .filter(({ transition }) => transition.kind === "generalization")
    .toSorted((a, b) => a.transition.onsetStep - b.transition.onsetStep);
  return {
    provenance: "measured",
    splits: [...trainEvidence(state), ...splitEvidence(state)],
    weightNorm: normEvidence(state, tracked.at(-1)),
    structure: structureEvidence(state.structure),
    latentInterval: latentInterval(state, decision, tracked[0]),
  };
}

function trainEvidence(state: FoldState): SplitEvidence[] {
  const { train, policy } = state;
  const level = trainLevel(train, policy.dwell);
  if (level === null) return [];
  const phase = (trainLevel(train) ?? 0) >= policy.underfit ? "fitted" : "unfitted";
  const { chance, total } = train;
  return [{ split: "train", phase, level, interval: wilson(level, total), chance, total }];
}

function splitEvidence(state: FoldState): SplitEvidence[] {
  return Object.keys(state.splits)
    .toSorted((a, b) => Number(b === "validation") - Number(a === "validation") || (a < b ? -1 : 1))
    .map((name) => state.splits[name])
    .filter((split) => split !== undefined)
    .map((split) => {
      const { level, interval } = standingOf(state, split);
      return { split: split.split, phase: phaseOf(split), level, interval, chance: split.chance, total: split.total };
    });
}

function phaseOf(split: SplitState): SplitPhase {
  if (split.phase === "rising") return "rising";
  if (split.lost) return "regressed";
  return split.phase === "falling" ? "settled" : split.phase;
}

function normEvidence(state: FoldState, latest: TrackedTransition | undefined): WeightNormEvidence | null {
  const { norm } = state;
  const now = norm.latest.at(-1)?.norm;
  if (norm.peak === null || now === undefined) return null;
  const after = latest?.normAtSettled ?? now;
  return {
    peakStep: norm.peak.step,
    peak: norm.peak.norm,
    now,
    trend: trendOf(norm),
    coincident: latest !== undefined && fell(latest.normAtOnset, after),
  };
}

/** The stretch in which train was fitted and no deciding split had begun to rise. */
function latentInterval(
  state: FoldState,
  decision: Decision,
  first: TrackedTransition | undefined,
): Evidence["latentInterval"] {
  const { fit } = state.train;
  if (fit === null) return null;
  const ongoing = decision.verdict === "latent" ? state.lastStep : null;
  const toStep = first?.transition.onsetStep ?? ongoing;
  return toStep !== null && toStep > fit.step ? { fromStep: fit.step, toStep } : null;
}
