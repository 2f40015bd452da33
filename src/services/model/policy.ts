import type { ModelPolicy } from "../../database/schema.ts";
import type { Policy } from "../../phases/judge.ts";
import type { MeterLimits } from "../../tensors/meter.ts";

/** What of a model's policy the verdict goes by. */
export function judgementPolicy({ controlFlowDepth: _, ...policy }: ModelPolicy): Policy {
  return policy;
}

/** What of it a checkpoint's file goes by. */
export function fileLimits({ controlFlowDepth = 0 }: ModelPolicy): Partial<MeterLimits> {
  return { controlFlowDepth };
}
