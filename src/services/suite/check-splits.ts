import { joinAudits, SuiteAuditor } from "../../evaluation/audit.ts";
import { type Audit, type CheckedSplit, checkSplit, type NearProgress } from "./check-split.ts";
import { searchOf } from "./near-search.ts";
import type { ReadBytes, SuitePlan } from "./plan-suite.ts";
import type { SuiteContents } from "./read-suite.ts";

/** Splits that are checked, in their order, and how far the one after them is. */
export interface AuditState {
  checked: CheckedSplit[];
  near: NearProgress | null;
}

export interface AuditProgress {
  from: AuditState;
  /** Called on the way; answers whether there is time for more. */
  save(state: AuditState): Promise<boolean>;
}

/**
 * Checks and audits the values of a suite, split by split. Null where `save` ended it: it goes on from what was saved,
 * and looks train over again where splits are still to be held to it.
 * @throws DomainError `invalid_suite`, naming tensor, position and row
 */
export async function checkSplits(
  plan: SuitePlan,
  read: ReadBytes,
  { from, save }: AuditProgress,
): Promise<SuiteContents | null> {
  const { scoring, output, inputs, splits, tensors } = plan;
  const [train] = splits;
  if (!train) throw new Error("a suite has a split to train on");
  const audit: Audit = { scoring, auditor: new SuiteAuditor(scoring.task), search: searchOf(train, read), read };
  const checked = [...from.checked];
  if (checked.length > 0) await checkSplit(audit, train, { from: null, save: async () => true });
  for (const split of splits.slice(checked.length)) {
    const own = await checkSplit(audit, split, {
      from: checked.length === from.checked.length ? from.near : null,
      save: (near) => save({ checked, near }),
    });
    if (!own) return null;
    checked.push(own);
    if (checked.length < splits.length && !(await save({ checked, near: null }))) return null;
  }
  return {
    ...{ task: scoring.task, scoring, output, inputs, tensors },
    splits: checked.map(({ split }) => split),
    audit: joinAudits(
      checked.map(({ audit }) => audit),
      audit.search ? train.rows : 0,
    ),
  };
}
