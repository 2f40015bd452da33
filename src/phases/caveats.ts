import type { Decision, Standing } from "./decide.ts";
import type { FoldState } from "./fold.ts";
import { isOod } from "./points.ts";
import { heldMedian, type SplitState } from "./split.ts";
import type { Caveat } from "./types.ts";

/** Below it a split cannot tell .95 from 1. */
const SMALL_SPLIT = 100;

export const fraction = (value: number): string => value.toFixed(2);

/** What the reader must know before acting on the verdict, most serious first. */
export function gatherCaveats(state: FoldState, decision: Decision): Caveat[] {
  const { standings } = decision;
  if (state.checkpoints === 0) return [];
  const ood = standings.some(({ split }) => isOod(split.split));
  const caveats: Caveat[] = [];
  const add = (code: Caveat["code"], message: string) => caveats.push({ code, message });

  if (standings.length === 0) add("no_deciding_split", "neither an OOD split nor validation was measured");
  else if (!ood)
    add("validation_only", "no OOD split was measured; validation alone decides, and cannot show a shortcut");
  if (state.train.raw.length === 0)
    add("no_train", "train was not measured, so memorizing cannot be told from underfit");
  if (state.train.beganFitted) add("left_censored", "the log begins with train already fitted");
  for (const standing of standings) caveats.push(...splitCaveats(state, standing));
  return caveats;
}

function splitCaveats(state: FoldState, standing: Standing): Caveat[] {
  const { split, level } = standing;
  const name = split.split;
  const caveats: Caveat[] = [];
  const add = (code: Caveat["code"], message: string) => caveats.push({ code, message: `${name}: ${message}` });

  if (stale(state, split)) {
    add("not_measured_since", `not measured since step ${split.raw.at(-1)?.step}; what it holds now is not known`);
  }
  if (dipsNow(state, split))
    add("latest_dip", "the latest checkpoint is far below the held level; do not ship that one");
  if (standing.examples !== null) {
    add("few_examples", `${split.total} examples leave the level open; about ${standing.examples} would tell`);
  }
  if (split.total < SMALL_SPLIT) add("small_split", `only ${split.total} examples`);
  if (split.chanceSource === "first_step") {
    add("chance_estimated", `chance taken from the first step, ${fraction(split.chance)}; give the number of classes`);
  }
  if (split.chanceSource === "assumed") {
    add("chance_assumed", "chance taken as 0, since train was not seen unfitted; give the number of classes");
  }
  if (split.totalsChanged) add("totals_changed", "its number of examples changed; its interval counts the latest only");
  if (split.dips !== null) {
    add("instability", `${split.dips.count} single checkpoints dipped, the last at step ${split.dips.lastStep}`);
  }
  const saturates = heldMedian(split) - state.policy.minimumChange > state.policy.floor;
  if (standing.band === "middle" && saturates && split.phase === "settled" && !split.lost && !split.atCeiling) {
    const ceiling = fraction(Math.max(0, Math.floor((heldMedian(split) - state.policy.minimumChange) * 100) / 100));
    add(
      "plateau_below_ceiling",
      `rests at ${fraction(level)}; if the task saturates there, set policy.ceiling ${ceiling}`,
    );
  }
  return caveats;
}

/** Other splits went on without it, for longer than it has been left out before. */
export function stale(state: FoldState, { raw }: SplitState): boolean {
  const [first, last] = [raw[0], raw.at(-1)];
  if (first === undefined || last === undefined) return false;
  const spacing = (last.index - first.index) / Math.max(1, raw.length - 1);
  return state.checkpoints - 1 - last.index > Math.max(state.policy.dwell, 2 * spacing);
}

/** The checkpoint that would be shipped is itself as low as a loss, though nothing lower is held yet. */
export function dipsNow(state: FoldState, split: SplitState): boolean {
  const latest = split.raw.at(-1)?.value ?? 0;
  return split.atCeiling && latest < state.policy.lossShare * (split.peak ?? 1);
}
