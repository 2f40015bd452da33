import { expect, test } from "vitest";
import type { Transition } from "../../src/phases/judge.ts";
import { announce, type LedgerEntry, reconcile, withIds } from "../../src/services/judgement/ledger.ts";

const crossing = (changes: Partial<Transition> = {}): Transition => ({
  kind: "generalization",
  split: "ood:shift",
  ordinal: 1,
  onsetStep: 100,
  settledStep: null,
  detectedAtStep: 150,
  from: 0.1,
  to: null,
  fromInterval: [0.05, 0.15],
  toInterval: null,
  confidence: 0.99,
  ...changes,
});
const settled = crossing({ settledStep: 130, to: 1, toInterval: [0.95, 1] });
const detected = (transition = crossing()) => ({
  announcement: { type: "detected" as const, transition },
  step: transition.detectedAtStep,
});

test("a transition keeps its id from its detection to its settling, and each line says which point brought it", () => {
  const first = announce([], [detected()]);
  const second = announce(first, [{ announcement: { type: "settled", transition: settled }, step: 160 }]);
  expect([...first, ...second].map(({ type, asOfStep }) => [type, asOfStep])).toEqual([
    ["detected", 150],
    ["settled", 160],
  ]);
  expect(second[0]?.transitionId).toBe(first[0]?.transitionId);
  expect(withIds([...first, ...second], [settled])).toEqual([{ id: first[0]?.transitionId, ...settled }]);
});

const ledger: LedgerEntry[] = announce([], [detected()]);
test.each([
  { name: "the same history adds nothing", now: [crossing()], adds: [] },
  { name: "a transition that has settled meanwhile is completed", now: [settled], adds: ["settled"] },
  { name: "another onset is a revision", now: [crossing({ onsetStep: 90 })], adds: ["revised"] },
  { name: "a transition that is not there any more is retracted", now: [], adds: ["retracted"] },
])("after a replay $name", ({ now, adds }) => {
  const added = reconcile(ledger, now.map(detected), now, 200);
  expect(added.map(({ type }) => type)).toEqual(adds);
  for (const line of added) expect(line).toMatchObject({ transitionId: ledger[0]?.transitionId, asOfStep: 200 });
});

test("a transition that nobody was told of is detected by a replay, and one taken back comes back as a revision", () => {
  const other = crossing({ split: "ood:other", detectedAtStep: 170 });
  expect(reconcile(ledger, [detected(), detected(other)], [crossing(), other], 200)).toMatchObject([
    { type: "detected", transition: { split: "ood:other" }, asOfStep: 170 },
  ]);
  const retracted = [...ledger, ...reconcile(ledger, [], [], 200)];
  expect(reconcile(retracted, [], [], 210)).toEqual([]);
  expect(reconcile(retracted, [detected()], [crossing()], 220)).toMatchObject([{ type: "revised" }]);
  // So it does when no replay but a further point brings it.
  const [first] = ledger;
  expect(announce(retracted, [detected()])).toMatchObject([{ type: "revised", transitionId: first?.transitionId }]);
});
