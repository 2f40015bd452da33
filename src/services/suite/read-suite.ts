import type { SuiteInput, SuiteSplit, SuiteTensor } from "../../database/schema.ts";
import { DomainError } from "../../errors.ts";
import type { SuiteAudit } from "../../evaluation/audit-types.ts";
import type { Scoring } from "../../evaluation/metrics.ts";
import { checkSafetensorsSize, parseSafetensorsHeader } from "../../tensors/safetensors.ts";
import { checkSplits } from "./check-splits.ts";
import { searchCost } from "./near-search.ts";
import { planSuite, refusing, SUITE_LIMITS } from "./plan-suite.ts";

/** Of a suite that is read within a request: the platform bounds a request's CPU time. */
const MOST_SEARCHED = 64_000_000;

/** What a suite file says, checked. */
export interface SuiteContents {
  task: Scoring["task"];
  scoring: Scoring;
  output: string;
  inputs: SuiteInput[];
  splits: SuiteSplit[];
  tensors: SuiteTensor[];
  audit: SuiteAudit;
}

/**
 * Reads and checks a suite: a safetensors file with tensors `<split>/<model input>` and `<split>/target`, rows along
 * the first axis, and `__metadata__` with `task`, `output` and the task's options; `<split>/target_mask` says which
 * targets are asked.
 * @throws DomainError `invalid_suite`, naming the tensor at fault; `body_too_large`
 */
export async function readSuite(bytes: Uint8Array): Promise<SuiteContents> {
  const header = refusing(() => {
    const header = parseSafetensorsHeader(bytes, SUITE_LIMITS);
    checkSafetensorsSize(header.fileBytes, bytes.length);
    return header;
  });
  const read = (from: number, to: number) => bytes.subarray(from, to);
  const plan = planSuite(header);
  if (searchCost(plan) > MOST_SEARCHED) {
    throw new DomainError(
      "body_too_large",
      "To look so many rows up in train, for near duplicates, takes longer than a request may: send the suite in parts, by POST /suites/:name/uploads.",
    );
  }
  const contents = await checkSplits(plan, read, {
    from: { checked: [], near: null },
    save: async () => true,
  });
  if (!contents) throw new Error("nothing ends the reading of a suite that is whole");
  return contents;
}
