import type { Transaction } from "../../database/client.ts";
import type { Verdict } from "../../phases/judge.ts";
import type { ModelEvent } from "../delivery/events.ts";
import type { JudgementKey } from "./key.ts";
import type { LedgerEntry } from "./ledger.ts";
import type { Subject } from "./points.ts";
import { readProvenance } from "./provenance.ts";

/** Payloads are bounded. What the suite's audit says goes first: it holds whatever the model does. */
const TOLD_CAVEATS = 10;

/** What came of a fold: the lines that it added to the ledger, and the verdict before it and after. */
export interface Decision {
  added: readonly LedgerEntry[];
  /** Null where there was none: the first verdict is no change, it says that there is not enough evidence yet. */
  before: Verdict | null;
  now: Verdict;
}

/** The events that a decision makes. */
export async function eventsOfDecision(
  tx: Transaction,
  key: JudgementKey,
  { caveats, leastChange }: Subject,
  { added, before, now }: Decision,
): Promise<ModelEvent[]> {
  const changed = before !== null && before.verdict !== now.verdict;
  if (added.length === 0 && !changed) return [];
  const provenance = await readProvenance(tx, key);
  const events: ModelEvent[] = [];
  for (const { type, transitionId, transition } of added) {
    // Settling completes what was announced; the verdict's change tells of it.
    if (type === "settled") continue;
    const identified = { id: transitionId, ...transition };
    if (type === "detected") events.push({ type: "transition.detected", data: { transition: identified, provenance } });
    else {
      const data = {
        transition: identified,
        provenance,
        ...(type === "retracted" ? { retracted: true as const } : {}),
      };
      events.push({ type: "transition.revised", data });
    }
  }
  if (changed) {
    events.push({
      type: "verdict.changed",
      data: {
        from: before.verdict,
        verdict: now.verdict,
        asOfStep: now.asOfStep,
        deployable: now.deployable,
        provenance,
        summary: now.summary,
        caveats: [...caveats, ...now.caveats].slice(0, TOLD_CAVEATS),
        leastChange,
      },
    });
  }
  return events;
}
