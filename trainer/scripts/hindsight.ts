// Labels of a whole recorded curve, looking back: what the definitions of the verdicts say of its end. Written apart
// from src/phases/, whose detector is measured against it.
import {
  type CurveEvent,
  DWELL,
  eventsOf,
  FLOOR,
  keptLevels,
  lossesOf,
  SAME_LEVEL,
  smooth,
} from "./hindsight-events.ts";
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

const [CEILING, FIT] = [0.95, 0.985];

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
  const events = [...curve.m].flatMap(([split, m]) =>
    eventsOf({ split, steps: curve.steps, m, intervalOf: (level) => intervalOf(curve, split, level) }),
  );
  const allowed = verdictsOf(curve, deciding);
  const route = allowed.includes("generalizer") ? routeOf(curve, deciding, events) : null;
  const passed = verdictsOf(curve, ["validation"]).includes("generalizer");
  const doubtful = allowed.length > 1 && allowed.includes("generalizer");
  const blind = doubtful ? null : passed && !allowed.includes("generalizer");
  return { allowed, route, blind, events };
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

function endOf(curve: Curve, split: string) {
  const m = curve.m.get(split) ?? [];
  const held = keptLevels(m);
  const last = held.at(-1) ?? 0;
  const loss = lossesOf(curve.steps, m).at(-1);
  const lost = loss !== undefined && loss.until === m.length;
  const recovering = lost && last - Math.min(...held.slice(loss.from)) >= SAME_LEVEL;
  const [low, high] = intervalOf(curve, split, last);
  return {
    level: last,
    regressed: lost && !recovering,
    // Over the last ten checkpoints: what has settled does not rise, and nothing counts inside the floor band.
    rise: last > FLOOR ? last - (held.at(-10) ?? last) : 0,
    /** Whether so few examples cannot tell on which side of the threshold it is. */
    spans: (threshold: number) => high - low > 0.1 && low < threshold && threshold < high,
  };
}

/** Wilson's interval of a level, in m. */
function intervalOf({ chance, totals }: Curve, split: string, level: number): [number, number] {
  const rate = chance.get(split) ?? 0;
  const [low, high] = wilson(rate + level * (1 - rate), totals.get(split) ?? 0);
  return [(low - rate) / (1 - rate), (high - rate) / (1 - rate)];
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
