import type { EventKind, FoundEvent } from "./series.ts";

export interface Truth {
  kind: EventKind;
  onset: number;
  ramp: number;
}

export interface Tally {
  matched: number;
  found: number;
  true: number;
}

export const emptyTally = (): Tally => ({ matched: 0, found: 0, true: 0 });

/** Harmonic mean of precision and recall; 1 where there was nothing to find and nothing was found. */
export const f1 = ({ matched, found, true: truths }: Tally): number =>
  found + truths === 0 ? 1 : (2 * matched) / (found + truths);

/** How far, in checkpoints, a found onset may be from the true one. */
export const margin = (truth: Truth): number => Math.max(2, 0.1 * truth.ramp);

/** Pairs of one found and one true event of the same kind within the margin: the nearest first, each used once. */
export function matchEvents<T extends Truth>(found: readonly FoundEvent[], truths: readonly T[]): [FoundEvent, T][] {
  const pairs = truths
    .flatMap((truth) => found.map((event) => ({ truth, event, distance: Math.abs(event.onset - truth.onset) })))
    .filter(({ truth, event, distance }) => event.kind === truth.kind && distance <= margin(truth))
    .toSorted((a, b) => a.distance - b.distance);
  const used = new Set<object>();
  const matches: [FoundEvent, T][] = [];
  for (const { truth, event } of pairs) {
    if (used.has(truth) || used.has(event)) continue;
    used.add(truth).add(event);
    matches.push([event, truth]);
  }
  return matches;
}

export function addTo(tally: Tally, found: readonly FoundEvent[], truths: readonly Truth[]): void {
  tally.matched += matchEvents(found, truths).length;
  tally.found += found.length;
  tally.true += truths.length;
}

export const shown = (tally: Tally = emptyTally()): string =>
  `${f1(tally).toFixed(3)} (${tally.matched} of ${tally.true}, ${tally.found} found)`;

export const sum = (tallies: readonly Tally[]): Tally => {
  const total = emptyTally();
  for (const { matched, found, true: truths } of tallies) {
    total.matched += matched;
    total.found += found;
    total.true += truths;
  }
  return total;
};
