// The words of this room. Accuracies, levels, intervals and chance are fractions of 1; steps are training steps. The
// rescaled accuracy m = (accuracy - chance) / (1 - chance) stays inside the room: what leaves it is plain accuracy.

import type { Policy } from "./policy.ts";

/** How one checkpoint did on one split: counts, and the mean loss where it was measured. */
export interface SplitResult {
  correct: number;
  total: number;
  loss?: number | null;
}

/** What the spectrum of one layer's weights says; each is absent where it was not measured. */
export interface LayerStatistics {
  /** L2 norm of the layer's weights. */
  norm?: number | null;
  /** exp of the entropy (nats) of the singular values over their sum: a number of directions. Roy & Vetterli 2007. */
  effectiveRank?: number | null;
  /** Exponent of the power law fitted to the tail of the spectrum (Martin & Mahoney 2021). */
  alpha?: number | null;
}

/** One evaluated checkpoint. Splits are `train`, `validation`, `ood` or `ood:<name>`; a missing one was not measured. */
export interface Point {
  step: number;
  splits: Record<string, SplitResult>;
  /** L2 norm over all weights. */
  weightNorm?: number | null;
  /** By name of the layer; a missing one was not measured. */
  layers?: Record<string, LayerStatistics>;
}

export interface JudgeOptions {
  /** Accuracy of guessing, per split: the majority-class rate. Absent: taken from the first step, with a caveat. */
  chance?: Readonly<Record<string, number>>;
  policy?: Policy;
}

export type TransitionKind = "generalization" | "regression";

/** A held change of phase on one split. All but `settledStep`, `to` and its interval are fixed by the append that detects it. */
export interface Transition {
  kind: TransitionKind;
  split: string;
  /** Counts this split's transitions of this kind from 1: its identity within a trajectory. */
  ordinal: number;
  /** The last checkpoint still at the level before. */
  onsetStep: number;
  /** The first checkpoint of the dwell at the new level; null while the crossing goes on, or if another overtook it. */
  settledStep: number | null;
  /** The checkpoint whose arrival announced it. */
  detectedAtStep: number;
  from: number;
  to: number | null;
  /** 95% Wilson intervals of the two levels, for the split's examples. */
  fromInterval: [number, number];
  toInterval: [number, number] | null;
  /** Probability, given the examples behind both levels and the jitter, that the level really changed. */
  confidence: number;
}

/** Emitted by the append that asserts it; `transition` is a copy as of that append. */
export type Announcement = { type: "detected" | "settled"; transition: Transition };

export type VerdictName =
  | "insufficient_evidence"
  | "underfit"
  | "memorizer"
  | "latent"
  | "transitioning"
  | "partial_generalizer"
  | "generalizer"
  | "regressed";

export type Route = "grokked" | "gradual";
export type RegressionKind = "ungrokking" | "collapse";

/** `unsettled`: no level held yet. Train is only `unfitted` or `fitted`. */
export type SplitPhase = "unsettled" | "floor" | "rising" | "settled" | "regressed" | "unfitted" | "fitted";

export interface SplitEvidence {
  split: string;
  phase: SplitPhase;
  /** Median accuracy of the latest checkpoints (as many as the dwell). */
  level: number;
  /** 95% Wilson interval of the level for `total` examples: more checkpoints on the same examples do not narrow it. */
  interval: [number, number];
  chance: number;
  total: number;
}

/** Over the last 10 checkpoints, by at least 1% unless it says otherwise. */
export type Trend = "falling" | "rising" | "flat";

export interface WeightNormEvidence {
  peakStep: number;
  peak: number;
  now: number;
  trend: Trend;
  /** The norm fell by at least 1% across the latest generalization on a deciding split. */
  coincident: boolean;
}

/** What the statistics of the layers say, where they were given. It is shown and decides nothing. */
export interface StructureEvidence {
  /** The last checkpoint whose layers were measured. */
  asOfStep: number;
  layers: number;
  /** Layers whose norm is falling, by at least 1% over the last 10 checkpoints; null without norms of layers. */
  fallingLayers: number | null;
  /** Geometric mean over the layers, a number of directions; its peak is since the same layers are measured. */
  effectiveRank: { peakStep: number; peak: number; now: number; trend: Trend } | null;
  /** Median over the layers; its trend is from the older to the newer half of the last 10 checkpoints, by 10%. */
  alpha: { now: number; trend: Trend } | null;
}

export interface Evidence {
  /** `measured` here; a caller who got results from elsewhere overrides it. */
  provenance: "measured" | "reported";
  splits: SplitEvidence[];
  weightNorm: WeightNormEvidence | null;
  /** Null where no statistics of layers were given. */
  structure: StructureEvidence | null;
  /** From the fit of train to the onset on the deciding splits (to now, while the verdict is latent). */
  latentInterval: { fromStep: number; toStep: number } | null;
}

export type CaveatCode =
  | "no_deciding_split"
  | "no_train"
  | "validation_only"
  | "chance_estimated"
  | "chance_assumed"
  | "not_measured_since"
  | "small_split"
  | "few_examples"
  | "instability"
  | "latest_dip"
  | "left_censored"
  | "totals_changed"
  | "plateau_below_ceiling";

export interface Caveat {
  code: CaveatCode;
  message: string;
}

/** The verdict document, without the ids of model, suite and detector that its holder adds. */
export interface Verdict {
  verdict: VerdictName;
  route: Route | null;
  kind: RegressionKind | null;
  deployable: boolean;
  benchmarkBlind: boolean | null;
  asOfStep: number | null;
  checkpoints: number;
  summary: string;
  evidence: Evidence;
  transitions: Transition[];
  /** How many more would let the evidence tell; null where it suffices. Examples are those of the shortest split. */
  needed: { checkpoints: number; examples: number } | null;
  caveats: Caveat[];
  forecast: null;
  forecastReason: string;
}
