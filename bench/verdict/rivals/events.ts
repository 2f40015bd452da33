// What counts as an event, the same for every rival, so that they differ in how they see a change and in nothing else.
import type { FoundEvent } from "../series.ts";
import { mean, type Sums } from "./sums.ts";

/** A change of level smaller than this in m is no event. */
export const LEAST_CHANGE = 0.05;
/** Checkpoints for which a level is held before it is one. */
export const DWELL = 5;
/** Changes of one direction nearer than this are one event: the checkpoints between them hold no level of their own. */
const APART = 2 * DWELL;
/** Nothing that ends inside the floor band is a generalization. */
const FLOOR = 0.1;
/** A regression falls from at least this m … */
const HAD = 0.5;
/** … to under this share of the highest level. */
const LOST = 0.8;

/** A change of level as a rival sees it. Places are indices into the series, levels are in m. */
export interface Change {
  /** The last checkpoint before the change. */
  onset: number;
  detectedAt: number | null;
  before: number;
  after: number;
}

interface Run {
  up: boolean;
  onset: number;
  last: Change;
  /** The highest level when the run began. */
  base: number;
  counted: boolean;
}

/**
 * The events among `changes` of the series behind `sums`, in order of onset. Neighbouring changes of one direction are
 * one run, and at most one event dated at the first, when they are less than two dwells apart or when the series still
 * moves that way between them (stairs into which a ramp was cut). A run counts, when it has got so far, as
 *
 * - a generalization if it ends above the floor and at least LEAST_CHANGE above every level since the last
 *   regression: climbing back out of a dip that was itself no event is none either;
 * - a regression if it falls from m >= .5 to under .8 of the highest level, by LEAST_CHANGE or more; once lost, a
 *   split has to rise again before it can be lost again.
 */
export function countedEvents(sums: Sums, changes: Iterable<Change>): FoundEvent[] {
  const events: FoundEvent[] = [];
  let run: Run | undefined;
  let highest = Number.NEGATIVE_INFINITY;
  let lost = false;
  for (const change of changes) {
    const up = change.after > change.before;
    if (!lost) highest = Math.max(highest, change.before);
    const joins = run !== undefined && run.up === up && isStair(sums, run.last, change);
    if (!run || !joins) run = { up, onset: change.onset, last: change, base: highest, counted: false };
    run.last = change;
    const { onset } = run;
    const { detectedAt, after } = change;
    if (up) {
      if (!run.counted && after > FLOOR && after - run.base >= LEAST_CHANGE) {
        events.push({ kind: "generalization", onset, detectedAt });
        run.counted = true;
        lost = false;
      }
      if (!lost) highest = Math.max(highest, after);
    } else {
      const falls = highest >= HAD && after < LOST * highest && highest - after >= LEAST_CHANGE;
      if (falls && !lost) {
        events.push({ kind: "regression", onset, detectedAt });
        highest = after;
        lost = true;
      }
      if (lost) highest = Math.min(highest, after);
    }
  }
  return events;
}

/**
 * Whether two changes of one direction are nearer than two dwells, or the second half of what lies between them is beyond
 * the first half by an eighth or more of the smaller of the two: on a straight ramp it is about a half, on a level 0.
 */
function isStair(sums: Sums, previous: Change, next: Change): boolean {
  const [start, end] = [previous.onset + 1, next.onset + 1];
  if (end - start < APART) return true;
  const step = Math.min(Math.abs(previous.after - previous.before), Math.abs(next.after - next.before));
  const middle = Math.floor((start + end) / 2);
  const drift = mean(sums, middle, end) - mean(sums, start, middle);
  return Math.sign(next.after - next.before) * drift >= step / 8;
}
