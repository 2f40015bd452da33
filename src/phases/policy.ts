import { TrajectoryError } from "./error.ts";

/** The numbers of the verdict's definition that a model may override. Levels are in m unless they say accuracy. */
export interface Policy {
  /** At or below it a split has learned nothing. */
  floor?: number;
  /** At or above it a split is learned. */
  ceiling?: number;
  /** Consecutive checkpoints, after a running median of 3, that make a level held. */
  dwell?: number;
  /** Fewer are no evidence. */
  minimumCheckpoints?: number;
  /** Held train accuracy that counts as the fit. */
  trainFit?: number;
  /** Median train accuracy under which the model is underfit. */
  underfit?: number;
  /** A smaller change of level is no event. */
  minimumChange?: number;
  /** Only a level held at or above it can be lost. */
  lossLevel?: number;
  /** A split is lost below this share of its highest held level. */
  lossShare?: number;
  /**
   * Checkpoints between two false alarms of a generalization, at least, over all splits together, while every mean stays
   * within `minimumChange` of its level: of 200 such checkpoints 200 / averageRunLength announce one.
   */
  averageRunLength?: number;
  /** Let a model without OOD splits be deployable on validation alone. */
  allowValidation?: boolean;
}

export const DEFAULT_POLICY: Readonly<Required<Policy>> = {
  floor: 0.1,
  ceiling: 0.95,
  dwell: 5,
  minimumCheckpoints: 12,
  trainFit: 0.985,
  underfit: 0.9,
  minimumChange: 0.05,
  lossLevel: 0.5,
  lossShare: 0.8,
  averageRunLength: 20_000,
  allowValidation: false,
};

const fractions = ["floor", "ceiling", "trainFit", "underfit", "minimumChange", "lossLevel", "lossShare"] as const;
const counts = ["dwell", "minimumCheckpoints"] as const;

/** Fills in the defaults; throws `TrajectoryError` (`invalid_options`) for numbers that define nothing. */
export function resolvePolicy(policy: Policy = {}): Required<Policy> {
  const given = Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined && value !== null));
  const resolved: Required<Policy> = { ...DEFAULT_POLICY, ...given };
  for (const name of fractions) {
    const value = resolved[name];
    if (!(value >= 0 && value <= 1)) throw new TrajectoryError("invalid_options", `policy.${name} must be in 0..1`);
  }
  for (const name of counts) {
    const value = resolved[name];
    if (!(Number.isInteger(value) && value >= 1 && value <= 1000)) {
      throw new TrajectoryError("invalid_options", `policy.${name} must be a whole number in 1..1000`);
    }
  }
  if (!(resolved.averageRunLength >= 100 && resolved.averageRunLength <= 1e9)) {
    throw new TrajectoryError("invalid_options", "policy.averageRunLength must be in 100..1e9 checkpoints");
  }
  if (resolved.floor >= resolved.ceiling) {
    throw new TrajectoryError("invalid_options", "policy.floor must be below policy.ceiling");
  }
  return resolved;
}
