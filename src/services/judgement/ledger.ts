import type { AnnouncementType } from "../../database/schema.ts";
import { newId } from "../../ids.ts";
import type { Announcement, Transition } from "../../phases/judge.ts";

/** A line of the ledger of announcements, as far as deciding the next lines needs it. */
export interface LedgerEntry {
  type: AnnouncementType;
  transitionId: string;
  transition: Transition;
  /** The step of the point that brought it: of a late point's revisions, the last step of the replay. */
  asOfStep: number;
}

/** What an append announced, and the step of the point that was appended. */
export interface Announced {
  announcement: Announcement;
  step: number;
}

/** A transition keeps its id for good: it is the nth of its kind on its split. */
function identity({ split, kind, ordinal }: Transition): string {
  return `${split} ${kind} ${ordinal}`;
}

/** What the ledger last said of each transition. */
function latest(entries: readonly LedgerEntry[]): Map<string, LedgerEntry> {
  return new Map(entries.map((entry) => [identity(entry.transition), entry]));
}

/**
 * The lines that new points below the frontier add: what the fold announced, in its order. One that was taken back
 * comes back as a revision: it was detected once.
 */
export function announce(ledger: readonly LedgerEntry[], announced: readonly Announced[]): LedgerEntry[] {
  const said = latest(ledger);
  return announced.map(({ announcement: { type, transition }, step }) => {
    const key = identity(transition);
    const before = said.get(key);
    const entry: LedgerEntry = {
      type: before?.type === "retracted" ? "revised" : type,
      transitionId: before?.transitionId ?? newId("transition"),
      transition,
      asOfStep: step,
    };
    said.set(key, entry);
    return entry;
  });
}

/**
 * The lines that a replay adds, after a late point changed history: transitions never announced before, and a
 * revision of each whose account differs now. Nothing announced is taken back silently.
 */
export function reconcile(
  ledger: readonly LedgerEntry[],
  announced: readonly Announced[],
  transitions: readonly Transition[],
  lastStep: number,
): LedgerEntry[] {
  const said = latest(ledger);
  const now = new Map(transitions.map((transition) => [identity(transition), transition]));
  const revisions: LedgerEntry[] = [];
  for (const [key, entry] of said) {
    const transition = now.get(key);
    if (!transition) {
      if (entry.type !== "retracted") revisions.push({ ...entry, type: "retracted", asOfStep: lastStep });
    } else if (entry.type === "retracted" || !sameTransition(transition, entry.transition)) {
      const type = revisionType(entry, transition);
      revisions.push({ type, transitionId: entry.transitionId, transition, asOfStep: lastStep });
    }
  }
  const unsaid = announced.filter(({ announcement }) => !said.has(identity(announcement.transition)));
  return [...revisions, ...announce(ledger, unsaid)];
}

/** A transition that has only settled since it was announced is completed, not revised. */
function revisionType(entry: LedgerEntry, now: Transition): AnnouncementType {
  const { settledStep, to } = now;
  const completed = entry.type === "detected" && sameTransition(now, { ...entry.transition, settledStep, to });
  return completed ? "settled" : "revised";
}

function sameTransition(a: Transition, b: Transition): boolean {
  return (
    identity(a) === identity(b) &&
    a.onsetStep === b.onsetStep &&
    a.settledStep === b.settledStep &&
    a.detectedAtStep === b.detectedAtStep &&
    a.from === b.from &&
    a.to === b.to &&
    a.confidence === b.confidence
  );
}

/** A transition under the id by which it was announced. */
export type IdentifiedTransition = Transition & { id: string };

/** Transitions with their ids from the ledger, which has announced every one of them. */
export function withIds(ledger: readonly LedgerEntry[], transitions: readonly Transition[]): IdentifiedTransition[] {
  const said = latest(ledger);
  return transitions.map((transition) => {
    const entry = said.get(identity(transition));
    if (!entry) throw new Error(`the transition ${identity(transition)} was never announced`);
    return { id: entry.transitionId, ...transition };
  });
}
