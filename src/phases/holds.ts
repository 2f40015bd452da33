import { type Policy, resolvePolicy } from "./policy.ts";
import { rescale } from "./split.ts";
import type { SplitResult } from "./types.ts";

/** Half the last digit that an accuracy is told with. */
const ROUNDING = 1e-9;

/**
 * Whether one checkpoint by itself is as good as a learned split: its m short of the ceiling by no more than a change
 * that counts for nothing. A verdict is on held levels, and a single checkpoint may stray from them.
 */
export function holdsCeiling(result: SplitResult, chance: number, policy: Policy): boolean {
  const { ceiling, minimumChange } = resolvePolicy(policy);
  return rescale({ chance }, result.correct / result.total) >= ceiling - minimumChange - ROUNDING;
}
