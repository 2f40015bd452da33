// Labels of a whole recorded curve, looking back: what the definitions of the verdicts say of its end, and what
// rose and fell when. Written apart from src/phases/, whose detector is measured against it.
import { median } from "./tables.ts";

export interface Curve {
  readonly steps: readonly number[];
  /** By split: m, accuracy rescaled from chance (0) to no error (1), at each step. */
  readonly m: ReadonlyMap<string, readonly number[]>;
  /** By split: accuracy that is m = 0. */
  readonly chance: ReadonlyMap<string, number>;
  /** By split: examples at the end. */
  readonly totals: ReadonlyMap<string, number>;
  /** Accuracy on the training set. */
  readonly train: readonly number[];
  readonly norm: readonly number[];
}

export interface CurveEvent {
  readonly split: string;
  readonly kind: "generalization" | "regression";
  /** Last checkpoint within a tenth of the level before. */
  readonly onset: number;
  /** First checkpoint of a dwell at the level after; null where the log ends before one. */
  readonly settled: number | null;
}

const DWELL = 5;
/** Rises and falls below this are wiggles. */
const LEAST_CHANGE = 0.15;
const SAME_LEVEL = 0.05;
const [FLOOR, CEILING, FIT] = [0.1, 0.95, 0.985];

export interface HindsightLabel {
  /** More than one where the end lies on a boundary. */
  readonly allowed: readonly string[];
  readonly route: "grokked" | "gradual" | null;
  /** Whether validation alone would have passed what the OOD splits do not; null where they are on that boundary. */
  readonly blind: boolean | null;
  readonly events: readonly CurveEvent[];
}

export function labelCurve(curve: Curve): HindsightLabel {
  const deciding = [...curve.m.keys()].filter((split) => split.startsWith("ood:"));
  const events = [...curve.m].flatMap(([split, m]) => eventsOf(split, curve.steps, m));
  const allowed = verdictsOf(curve, deciding);
  const route = allowed.includes("generalizer") ? routeOf(curve, deciding, events) : null;
  const passed = verdictsOf(curve, ["validation"]).includes("generalizer");
  const doubtful = allowed.length > 1 && allowed.includes("generalizer");
  const blind = doubtful ? null : passed && !allowed.includes("generalizer");
  return { allowed, route, blind, events };
}

/** Median of three, then neither a peak nor a dip that is shorter than a dwell. */
function heldLevels(values: readonly number[]): number[] {
  const least = (x: readonly number[]) => Math.min(...x);
  const most = (x: readonly number[]) => Math.max(...x);
  const open = (x: readonly number[], inner: typeof least, outer: typeof most) => {
    const windows = x.slice(DWELL - 1).map((_, i) => inner(x.slice(i, i + DWELL)));
    return x.map((_, i) => outer(windows.slice(Math.max(0, i - DWELL + 1), i + 1)));
  };
  return open(open(smooth(values), least, most), most, least);
}

const smooth = (values: readonly number[]): number[] =>
  values.map((value, i) => median([values[i - 1] ?? value, value, values[i + 1] ?? value]));

/** Turning points of the held level: each leg between two of them is an event. */
export function eventsOf(split: string, steps: readonly number[], m: readonly number[]): CurveEvent[] {
  const held = heldLevels(m);
  const turns = [0];
  let direction = 0;
  let extreme = 0;
  held.forEach((level, i) => {
    const best = held[extreme] ?? 0;
    if (direction === 0) {
      const from = held[turns[0] ?? 0] ?? 0;
      if (Math.abs(level - from) >= LEAST_CHANGE) [direction, extreme] = [Math.sign(level - from), i];
    } else if ((level - best) * direction > 0) extreme = i;
    else if ((best - level) * direction >= LEAST_CHANGE) {
      turns.push(extreme);
      [direction, extreme] = [-direction, i];
    }
  });
  if (direction === 0) return [];
  const legs = [...turns, held.length - 1].slice(1).map((end, i) => [turns[i] ?? 0, end] as const);
  return legs.map(([start, end]) => {
    const [before, after] = [held[start] ?? 0, held[end] ?? 0];
    const change = after - before;
    const indices = held.map((_, i) => i).slice(start, end + 1);
    const onset = indices.findLast((i) => ((held[i] ?? 0) - before) / change <= 0.1) ?? start;
    const there = (i: number) => i <= held.length - 1 && Math.abs((held[i] ?? 0) - after) <= SAME_LEVEL;
    const dwells = (i: number) => Array.from({ length: DWELL }, (_, j) => i + j).every(there);
    const settled = indices.find((i) => i > onset && dwells(i));
    return {
      split,
      kind: change > 0 ? "generalization" : "regression",
      onset: steps[onset] ?? 0,
      settled: settled === undefined ? null : (steps[settled] ?? null),
    };
  });
}

function verdictsOf(curve: Curve, deciding: readonly string[]): string[] {
  if (curve.steps.length < 12) return ["insufficient_evidence"];
  const ends = deciding.map((split) => endOf(curve, split));
  const fitted = median(curve.train.slice(-DWELL)) >= FIT;
  if (ends.some(({ regressed }) => regressed)) return [fitted ? "ungrokking" : "collapse"];
  if (ends.every(({ level }) => level >= CEILING)) {
    return ends.some(({ spans }) => spans(CEILING)) ? ["generalizer", "partial_generalizer"] : ["generalizer"];
  }
  const rise = Math.max(...ends.map(({ rise }) => rise));
  if (rise >= SAME_LEVEL / 2 && rise < 2 * SAME_LEVEL) return ["transitioning", "partial_generalizer"];
  if (rise >= SAME_LEVEL) return ["transitioning"];
  const above = ends.filter(({ level }) => level > FLOOR);
  if (above.some(({ spans }) => !spans(FLOOR))) return ["partial_generalizer"];
  if (above.length > 0) return ["partial_generalizer", ...latentOrMemorizer(curve)];
  if (median(curve.train.slice(-10)) < 0.9) return ["underfit"];
  return latentOrMemorizer(curve);
}

function endOf({ steps, m, chance, totals }: Curve, split: string) {
  const held = heldLevels(m.get(split) ?? []);
  const last = held.at(-1) ?? 0;
  const highest = Math.max(...held);
  const highestAt = held.lastIndexOf(highest);
  const lost = held.findIndex((level, i) => i > highestAt && level < 0.8 * highest);
  const since = lost === -1 ? [] : held.slice(lost);
  const stays = since.length >= DWELL && since.every((level) => level < 0.8 * highest);
  const end = steps.at(-1) ?? 0;
  const long = end - (steps[lost] ?? end) >= 0.01 * end;
  const recovering = last - Math.min(...since) >= SAME_LEVEL;
  const rate = chance.get(split) ?? 0;
  const [low = 0, high = 1] = wilson(rate + last * (1 - rate), totals.get(split) ?? 0).map(
    (share) => (share - rate) / (1 - rate),
  );
  return {
    level: last,
    regressed: highest >= 0.5 && stays && long && !recovering,
    // Over the last ten checkpoints: what has settled does not rise, and nothing counts inside the floor band.
    rise: last > FLOOR ? last - (held.at(-10) ?? last) : 0,
    /** Whether so few examples cannot tell on which side of the threshold it is. */
    spans: (threshold: number) => high - low > 0.1 && low < threshold && threshold < high,
  };
}

function latentOrMemorizer({ norm, train }: Curve): string[] {
  const fit = fitIndex(train) ?? 0;
  const [now = 0, before = 0] = [norm.at(-1), norm.at(-11)];
  const peak = Math.max(...norm.slice(fit));
  // As shares of the least fall that makes it latent: 1% over ten checkpoints, 2% from the peak.
  const fall = Math.min((1 - now / before) / 0.01, (1 - now / peak) / 0.02);
  if (fall >= 0.5 && fall < 2) return ["latent", "memorizer"];
  return [fall >= 1 ? "latent" : "memorizer"];
}

/** Grokked where every deciding split did, gradual where none did, null where they differ or the start is missing. */
function routeOf(
  { steps, m, train }: Curve,
  deciding: readonly string[],
  events: readonly CurveEvent[],
): "grokked" | "gradual" | null {
  const fit = fitIndex(train);
  if (fit === null) return null;
  const grokked = deciding.map((split) => {
    const first = events.find((event) => event.split === split && event.kind === "generalization");
    const settled = first?.settled ?? null;
    const late = settled !== null && steps.indexOf(settled) - fit >= 5 && settled >= 3 * (steps[fit] ?? 0);
    return late && (m.get(split)?.[fit] ?? 1) <= 0.25;
  });
  if (grokked.every((yes) => yes)) return "grokked";
  return grokked.some((yes) => yes) ? null : "gradual";
}

function fitIndex(train: readonly number[]): number | null {
  const held = smooth(train);
  const at = held.findIndex((_, i) => {
    const dwell = held.slice(i, i + DWELL);
    return dwell.length === DWELL && dwell.every((level) => level >= FIT);
  });
  return at === -1 ? null : at;
}

/** Wilson's 95% score interval. */
function wilson(share: number, total: number): [number, number] {
  const z = 1.96;
  const center = (share + z ** 2 / (2 * total)) / (1 + z ** 2 / total);
  const half = (z * Math.sqrt((share * (1 - share)) / total + z ** 2 / (4 * total ** 2))) / (1 + z ** 2 / total);
  return [center - half, center + half];
}
