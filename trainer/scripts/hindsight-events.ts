// What rose and fell when in a whole recorded curve, looking back: the events that the definitions of the verdicts know.
// Written apart from src/phases/, whose detector is measured against it.
import { median } from "./tables.ts";

export interface CurveEvent {
  readonly split: string;
  readonly kind: "generalization" | "regression";
  /** Last checkpoint within a tenth of the change from the level before. */
  readonly onset: number;
  /** First checkpoint of a dwell at the level after; null where the log ends before one. */
  readonly settled: number | null;
  /** Whether the definitions leave open if it is one: so few examples, or so short a rest before it. */
  readonly doubtful: boolean;
}

/** A split's curve: m by checkpoint, and how wide the interval of a level is. */
export interface SplitCurve {
  readonly split: string;
  readonly steps: readonly number[];
  readonly m: readonly number[];
  /** Wilson's interval of a level, in m, for the split's examples. */
  readonly intervalOf: (level: number) => readonly [low: number, high: number];
}

export const DWELL = 5;
export const SAME_LEVEL = 0.05;
export const FLOOR = 0.1;
/** What goes back and forth by less, on the way up or between, is a wiggle and no turn. */
const LEAST_TURN = 0.15;
/** A level of at least so much is lost below this share of it. */
const [LOSABLE, LOST] = [0.5, 0.8];
/** A loss has lasted this share of the step. */
const LEAST_LOSS = 0.01;
/** A tenth of the change dates its onset. */
const LEFT = 0.1;
/** What moves at less than this share of the speed around it may rest; what moves at this share has not begun to rise. */
const [SLOW, STILL] = [0.25, 0.1];

export function eventsOf(curve: SplitCurve): CurveEvent[] {
  const held = heldLevels(curve.m);
  return [...risesOf(curve, held), ...fallsOf(curve, held)].toSorted((a, b) => a.onset - b.onset);
}

/**
 * Median of three, then neither a peak nor a dip that is shorter than a dwell; where both take turns, no other level is
 * held and the one before stays. What the log begins with stands for what was before it, the untrained network: it is no
 * dip, however soon the split rises.
 */
export function heldLevels(values: readonly number[]): number[] {
  const [lower, upper] = [keptLevels(values), keptLevels(values.map((m) => -m)).map((m) => -m)];
  const held: number[] = [];
  for (const [i, low] of lower.entries()) {
    const [high, last] = [upper[i] ?? low, held.at(-1) ?? low];
    held.push(Math.abs(low - last) <= Math.abs(high - last) ? low : high);
  }
  return held;
}

/** As the held levels, but where peaks and dips take turns the lower one: what was kept for a dwell, and no more. */
export function keptLevels(values: readonly number[]): number[] {
  const least = (x: readonly number[]) => Math.min(...x);
  const most = (x: readonly number[]) => Math.max(...x);
  const open = (x: readonly number[], inner: typeof least, outer: typeof most) => {
    const windows = x.slice(DWELL - 1).map((_, i) => inner(x.slice(i, i + DWELL)));
    return x.map((_, i) => outer(windows.slice(Math.max(0, i - DWELL + 1), i + 1)));
  };
  const before = Array<number>(DWELL - 1).fill(values[0] ?? 0);
  return open(open([...before, ...smooth(values)], least, most), most, least).slice(before.length);
}

export const smooth = (values: readonly number[]): number[] =>
  values.map((value, i) => median([values[i - 1] ?? value, value, values[i + 1] ?? value]));

/** Checkpoints, both among them. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Legs between turning points of the held level; the first turns away from the beginning by what is an event. */
function legsOf(held: readonly number[]): Stretch[] {
  const turns = [0];
  let direction = 0;
  let extreme = 0;
  held.forEach((level, i) => {
    const best = held[extreme] ?? 0;
    if (direction === 0) {
      if (Math.abs(level - (held[0] ?? 0)) >= SAME_LEVEL) [direction, extreme] = [Math.sign(level - (held[0] ?? 0)), i];
    } else if ((level - best) * direction > 0) extreme = i;
    else if ((best - level) * direction >= LEAST_TURN) {
      turns.push(extreme);
      [direction, extreme] = [-direction, i];
    }
  });
  return direction === 0 ? [] : [...turns, held.length - 1].slice(1).map((to, i) => ({ from: turns[i] ?? 0, to }));
}

function risesOf(curve: SplitCurve, held: readonly number[]): CurveEvent[] {
  const at = (i: number) => held[i] ?? 0;
  return legsOf(held).flatMap((leg) => {
    if (at(leg.to) <= at(leg.from)) return [];
    // A leg to the end of the log ends at its highest.
    const highest = Math.max(...held.slice(leg.from, leg.to + 1));
    const rise = { from: leg.from, to: held.findIndex((level, i) => i >= leg.from && level >= highest) };
    const rests = restsOf(curve, held, rise);
    const levels = rests.filter(({ doubtful }) => !doubtful);
    const starts = [{ from: rise.from, rest: null }, ...rests.map((rest) => ({ from: rest.from, rest }))];
    return starts.flatMap(({ from, rest }) => {
      // A doubtful rest ends only what is as doubtful.
      const next = (rest?.doubtful ? rests : levels).find((later) => later.from > from);
      return riseOf(curve, held, { from, to: next?.to ?? rise.to }, rest);
    });
  });
}

/** A rise from a rest, or from where its leg begins; none where it stays in the floor band or is too small for one. */
function riseOf(curve: SplitCurve, held: readonly number[], { from, to }: Stretch, rest: Rest | null): CurveEvent[] {
  const at = (i: number) => held[i] ?? 0;
  const after = at(to);
  const before = rest === null ? beginningOf(held, { from, to }) : median(held.slice(rest.from, rest.to + 1));
  if (after <= FLOOR || after - before < SAME_LEVEL) return [];
  const indices = held.map((_, i) => i).slice(from, to + 1);
  const onset = indices.findLast((i) => at(i) - before <= LEFT * (after - before)) ?? from;
  const settled = indices.find((i) => i > onset && dwells(held, i, after)) ?? null;
  const doubtful = rest?.doubtful === true || !told(curve, before, after);
  return [dated(curve, "generalization", onset, settled, doubtful)];
}

/** Whether so many examples tell two levels apart, and the higher one from the floor. */
const told = ({ intervalOf }: SplitCurve, one: number, other: number): boolean =>
  intervalOf(Math.max(one, other))[0] > Math.max(FLOOR, intervalOf(Math.min(one, other))[1]);

interface Rest extends Stretch {
  readonly doubtful: boolean;
}

/**
 * Where a rise rests on its way: a dwell and longer within the least change that counts, with such a change on either
 * side, neither of which took longer or was not much faster. It is a level for certain where it lasted as long as both
 * changes, and both are more than wiggles and told by the examples. What is no rest is part of a slow rise, every dwell
 * of which keeps to some level.
 */
function restsOf(curve: SplitCurve, held: readonly number[], { from, to }: Stretch): Rest[] {
  const at = (i: number) => held[i] ?? 0;
  const [least, most] = [Math.max(FLOOR, at(from) + SAME_LEVEL), at(to) - SAME_LEVEL];
  const begun = held.findLastIndex((level, i) => i >= from && i <= to && level <= least);
  const done = held.findIndex((level, i) => i >= from && i <= to && level >= most);
  const inside = stretchesOf(held, { from: begun + 1, to: done - 1 });
  const longest = inside.toSorted((a, b) => b.to - b.from - (a.to - a.from))[0];
  if (longest === undefined) return [];
  const [length, before, after] = [longest.to - longest.from + 1, longest.from - begun, done - longest.to];
  const long = length >= Math.max(before, after);
  const around = Math.min((at(longest.from) - at(begun)) / before, (at(done) - at(longest.to)) / after);
  if (!long && (at(longest.to) - at(longest.from)) / length > SLOW * around) return [];
  const level = median(held.slice(longest.from, longest.to + 1));
  const certain = [at(from), at(to)].every((end) => Math.abs(end - level) >= LEAST_TURN && told(curve, end, level));
  return [
    ...restsOf(curve, held, { from, to: longest.from }),
    { ...longest, doubtful: !long || !certain },
    ...restsOf(curve, held, { from: longest.to, to }),
  ];
}

/** From each checkpoint as far as the curve keeps within the least change, where that is a dwell. */
function stretchesOf(held: readonly number[], { from, to }: Stretch): Stretch[] {
  const stretches = held.map((level, start) => {
    const leaves = held.findIndex((other, i) => i > start && Math.abs(other - level) > SAME_LEVEL);
    return { from: start, to: Math.min(to, leaves === -1 ? held.length - 1 : leaves - 1) };
  });
  return stretches.slice(Math.max(0, from), to + 1).filter((stretch) => stretch.to - stretch.from + 1 >= DWELL);
}

/** The level that a rise leaves: in the floor band the last one that was kept there, for what went before is no event. */
function beginningOf(held: readonly number[], { from, to }: Stretch): number {
  const at = (i: number) => held[i] ?? 0;
  const risen = held.findIndex((level, i) => i >= from && level >= at(to) - SAME_LEVEL);
  const kept = stretchesOf(held, { from, to: risen }).filter((stretch) => {
    const speed = (at(stretch.to) - at(stretch.from)) / (stretch.to - stretch.from + 1);
    return at(stretch.to) <= FLOOR && speed <= STILL * ((at(risen) - at(stretch.to)) / (risen - stretch.to));
  });
  const last = kept.at(-1);
  return last === undefined ? at(from) : median(held.slice(last.from, last.to + 1));
}

/** A loss by the letter: below a share of the highest level held, for a dwell and long enough, until as long above it. */
interface Loss {
  /** First checkpoint below. */
  readonly from: number;
  /** First checkpoint above again; the length of the log where there is none. */
  readonly until: number;
}

export function lossesOf(steps: readonly number[], m: readonly number[]): Loss[] {
  const smoothed = smooth(m);
  const losses: Loss[] = [];
  let [peak, below, above] = [0, 0, 0];
  let lost = false;
  for (const [i, level] of smoothed.entries()) {
    if (i >= DWELL - 1) peak = Math.max(peak, Math.min(...smoothed.slice(i - DWELL + 1, i + 1)));
    const isBelow = peak >= LOSABLE && level < LOST * peak;
    [below, above] = isBelow ? [below + 1, 0] : [0, above + 1];
    const from = i - below + 1;
    const step = steps[i] ?? 0;
    if (!lost && below >= DWELL && step - (steps[from] ?? 0) >= LEAST_LOSS * step) {
      losses.push({ from, until: smoothed.length });
      lost = true;
    } else if (lost && above >= DWELL) {
      losses.push({ from: losses.pop()?.from ?? 0, until: i - DWELL + 1 });
      lost = false;
    }
  }
  return losses;
}

/** Each loss, from the highest level held since the one before. */
function fallsOf(curve: SplitCurve, held: readonly number[]): CurveEvent[] {
  return lossesOf(curve.steps, curve.m).map(({ from, until }, n, losses) => {
    const since = losses[n - 1]?.until ?? 0;
    const before = Math.max(...held.slice(since, from + 1));
    const after = Math.min(...held.slice(from, until));
    const indices = held.map((_, i) => i);
    const near = (i: number) => before - (held[i] ?? 0) <= LEFT * (before - after);
    const onset = indices.slice(since, from).findLast(near) ?? Math.max(0, from - 1);
    const settled = indices.slice(0, until).find((i) => i > onset && dwells(held, i, after)) ?? null;
    return dated(curve, "regression", onset, settled, !told(curve, before, after));
  });
}

const dwells = (held: readonly number[], from: number, level: number): boolean =>
  from + DWELL <= held.length && held.slice(from, from + DWELL).every((one) => Math.abs(one - level) <= SAME_LEVEL);

function dated(
  { split, steps }: SplitCurve,
  kind: CurveEvent["kind"],
  onset: number,
  settled: number | null,
  doubtful: boolean,
): CurveEvent {
  const settledStep = settled === null ? null : (steps[settled] ?? null);
  return { split, kind, onset: steps[onset] ?? 0, settled: settledStep, doubtful };
}
