// The phase diagram of Liu et al. 2022 (arXiv 2205.10343): what became of each member.

export type Outcome = "comprehension" | "grokking" | "memorization" | "confusion";

export interface OutcomeOptions {
  /** Accuracy, a fraction, that both train and the deciding splits must reach. */
  level?: number;
  /** Steps from train's reaching it to theirs: fewer is comprehension, as many or more is grokking. */
  gap?: number;
}

export interface MemberOutcome {
  /** Null where train or the deciding splits were not measured, or these reached the level and train did not. */
  outcome: Outcome | null;
  trainStep: number | null;
  decidingStep: number | null;
  /** The last step measured: memorization and confusion are "by this step", not for ever. */
  throughStep: number | null;
}

/** Members by outcome. Shares are of all members that have one; `majority` is null for a tie, and for none. */
export interface Outcomes {
  counts: Record<Outcome, number>;
  shares: Record<Outcome, number> | null;
  unclassified: number;
  majority: Outcome | null;
}

/** A measured accuracy: of train, or the least of all deciding splits. */
export interface Accuracy {
  step: number;
  accuracy: number;
}

const LEVEL = 0.9;
const GAP = 1000;
const NONE: Readonly<Record<Outcome, number>> = { comprehension: 0, grokking: 0, memorization: 0, confusion: 0 };

/**
 * Comprehension: both reach 90%, theirs within 1,000 steps of train's; grokking: both, later than that; memorization:
 * train alone; confusion: neither (Liu et al. 2022, table 1). Reached means at the first checkpoint at or above the
 * level, as they count; a step is one update. A verdict asks for held levels, so the two may differ.
 */
export function outcomeOf(
  train: readonly Accuracy[],
  deciding: readonly Accuracy[],
  { level = LEVEL, gap = GAP }: OutcomeOptions = {},
): MemberOutcome {
  const reach = (of: readonly Accuracy[]) => of.find(({ accuracy }) => accuracy >= level)?.step ?? null;
  const [trainStep, decidingStep] = [reach(train), reach(deciding)];
  const last = [train.at(-1), deciding.at(-1)].flatMap((accuracy) => (accuracy === undefined ? [] : [accuracy.step]));
  const measured = train.length > 0 && deciding.length > 0;
  const outcome = measured ? classify(trainStep, decidingStep, gap) : null;
  return { outcome, trainStep, decidingStep, throughStep: last.length === 0 ? null : Math.max(...last) };
}

function classify(trainStep: number | null, decidingStep: number | null, gap: number): Outcome | null {
  if (trainStep === null) return decidingStep === null ? "confusion" : null;
  if (decidingStep === null) return "memorization";
  return decidingStep - trainStep < gap ? "comprehension" : "grokking";
}

/** Counts, shares and majority of the members' outcomes. */
export function tallyOutcomes(members: readonly MemberOutcome[]): Outcomes {
  const counts = { ...NONE };
  for (const { outcome } of members) if (outcome !== null) counts[outcome] += 1;
  const names = Object.keys(counts) as Outcome[];
  const classified = names.reduce((total, name) => total + counts[name], 0);
  const most = Math.max(...Object.values(counts));
  const leading = names.filter((name) => counts[name] === most);
  const shares = { ...NONE };
  for (const name of names) shares[name] = counts[name] / classified;
  return {
    counts,
    shares: classified > 0 ? shares : null,
    unclassified: members.length - classified,
    majority: classified > 0 && leading.length === 1 ? (leading[0] ?? null) : null,
  };
}
