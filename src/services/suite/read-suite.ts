import type { SuiteInput, SuiteSplit, SuiteTensor } from "../../database/schema.ts";
import { SuiteAuditor } from "../../evaluation/audit.ts";
import type { SuiteAudit } from "../../evaluation/audit-types.ts";
import type { Scoring } from "../../evaluation/metrics.ts";
import { checkSafetensorsSize, parseSafetensorsHeader } from "../../tensors/safetensors.ts";
import { type CheckedSplit, checkSplit } from "./check-split.ts";
import { planSuite, refusing, type SuitePlan } from "./plan-suite.ts";

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
 * @throws DomainError `invalid_suite`, naming the tensor at fault
 */
export async function readSuite(bytes: Uint8Array): Promise<SuiteContents> {
  const header = refusing(() => {
    const header = parseSafetensorsHeader(bytes);
    checkSafetensorsSize(header.fileBytes, bytes.length);
    return header;
  });
  const plan = planSuite(header);
  const auditor = new SuiteAuditor(plan.scoring.task);
  const checked: CheckedSplit[] = [];
  for (const split of plan.splits) {
    checked.push(await checkSplit(plan.scoring, auditor, split, (from, to) => bytes.subarray(from, to)));
  }
  return contentsOf(plan, auditor, checked);
}

/** Of a plan whose splits are all checked. */
export function contentsOf(
  { scoring, output, inputs, tensors }: SuitePlan,
  auditor: SuiteAuditor,
  checked: readonly CheckedSplit[],
): SuiteContents {
  return {
    ...{ task: scoring.task, scoring, output, inputs, tensors },
    splits: checked.map(({ split }) => split),
    audit: auditor.end(checked.map(({ audit }) => audit)),
  };
}
