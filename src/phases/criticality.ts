// Ensembles: models that differ only by seed, or by one swept setting too. The other door of this room: trajectories
// in, critical diagnostics out. Pure: no I/O, no clock, no random numbers.
//
// m = (accuracy - chance) / (1 - chance) of a checkpoint is the mean over the deciding splits, 0 for a guess, 1 for no
// error. Whatever the members cannot tell is an `Untold` that says why, never a number.

import { type EnsembleReading, type Peak, type ReadingOptions, readEnsemble, tooFew } from "./criticality/ensemble.ts";
import { type MemberOutcome, type OutcomeOptions, type Outcomes, tallyOutcomes } from "./criticality/outcomes.ts";
import type { Located } from "./criticality/peak.ts";
import { MINIMUM_MEMBERS, type Moments } from "./criticality/sample.ts";
import type { Observation } from "./criticality/series.ts";
import { MINIMUM_WINDOW } from "./criticality/slowing.ts";
import { type Cell, criticalCrossing, criticalSetting, readCell } from "./criticality/sweep.ts";
import { isTold, type Untold } from "./criticality/untold.ts";
import { TrajectoryError } from "./error.ts";
import { type Member, type ReadMember, readMembers } from "./members.ts";
import { type Policy, resolvePolicy } from "./policy.ts";
import { median } from "./statistics.ts";

export type { CurvePoint, EnsembleReading, Order, Peak } from "./criticality/ensemble.ts";
export type { MemberOutcome, Outcome, OutcomeOptions, Outcomes } from "./criticality/outcomes.ts";
export { crossingOf, type Located, peakOf, vertexOf } from "./criticality/peak.ts";
export { type Estimate, MINIMUM_MEMBERS, type Moments, momentsOf } from "./criticality/sample.ts";
export { lagOneAutocorrelation } from "./criticality/slowing.ts";
export { isTold, type Untold, type UntoldCode } from "./criticality/untold.ts";
export type { Member } from "./members.ts";

export interface EnsembleOptions {
  policy?: Policy;
  outcomes?: OutcomeOptions;
  /** Compare on this split alone. */
  split?: string;
  /** N of chi; by default the examples of the deciding splits together (the median over members). */
  examples?: number;
  /** Checkpoints of the autocorrelation's window. */
  window?: number;
}

export interface NamedOutcome extends MemberOutcome {
  name: string;
}

export type CriticalityCaveat = { code: "validation_only" | "members_end_apart" | "few_members"; message: string };

/** What members that differ by seed say together. `reading` and its parts say why where they tell nothing. */
export interface Ensemble {
  members: number;
  /** What m is the mean over. */
  splits: string[];
  /** N of chi. */
  examples: number;
  /** The range of steps that every member covers. */
  fromStep: number | null;
  throughStep: number | null;
  reading: EnsembleReading | Untold;
  outcomes: Outcomes & { members: NamedOutcome[] };
  caveats: CriticalityCaveat[];
}

/** One setting of a sweep. `final` is of each member's last level: the median m of its last checkpoints. */
export interface SweepCell {
  setting: number;
  size: number | null;
  members: number;
  final: Moments | Untold;
  /** The step of chi's peak at this setting. */
  peak: Peak | Untold;
  outcomes: Outcomes;
}

export interface Sweep {
  splits: string[];
  examples: number;
  /** By size, then setting. */
  cells: SweepCell[];
  /** For each size (null: none was given) the setting at which chi of the final levels peaks. */
  critical: { size: number | null; setting: Peak | Untold }[];
  /** For each two neighbouring sizes the setting at which their cumulants cross. */
  crossings: { smaller: number; larger: number; setting: Located | Untold }[];
  caveats: CriticalityCaveat[];
}

const WINDOW = 20;
/** Members under which most figures will not tell, though they are given. */
const FEW = 10;

/**
 * Diagnostics of members that differ by seed, whatever else they are given: order parameter, susceptibility, cumulant
 * and autocorrelation by step, the step of chi's peak, the order of the transition, and the four outcomes. Throws
 * `TrajectoryError` for points or options that cannot be judged, naming the member.
 */
export function diagnoseEnsemble(members: readonly Member[], options: EnsembleOptions = {}): Ensemble {
  checkOptions(options);
  const { splits, read } = readMembers(members, options);
  const examples = options.examples ?? examplesOf(read);
  const ends = read.flatMap(({ observations }) => {
    const [first, last] = [observations[0], observations.at(-1)];
    return first === undefined || last === undefined ? [] : [[first.step, last.step] as const];
  });
  const from = Math.max(...ends.map(([first]) => first));
  const through = Math.min(...ends.map(([, last]) => last));
  const common = ends.length === members.length && ends.length > 0 && from <= through;
  const reading = splits.length === 0 ? noSplit(members.length) : readEnsemble(read, readingOf(options, examples));
  const outcomes = read.map(({ name, outcome }) => ({ name, ...outcome }));
  const caveats = caveatsOf(splits, members.length);
  if (common && Math.max(...ends.map(([, last]) => last)) > through) {
    const message = `Members end at different steps: they are compared through step ${through}, where the first ends.`;
    caveats.push({ code: "members_end_apart", message });
  }
  return {
    members: members.length,
    splits,
    examples,
    fromStep: common ? from : null,
    throughStep: common ? through : null,
    reading,
    outcomes: { ...tallyOutcomes(outcomes), members: outcomes },
    caveats,
  };
}

/**
 * Diagnostics over a swept setting: members of equal setting and size, which differ by seed, make a cell. Members
 * without a setting are refused (`invalid_options`). Throws `TrajectoryError` as `diagnoseEnsemble` does.
 */
export function diagnoseSweep(members: readonly Member[], options: EnsembleOptions = {}): Sweep {
  checkOptions(options);
  const { splits, read } = readMembers(members, options);
  const examples = options.examples ?? examplesOf(read);
  const sizes = distinct(read.map(({ size }) => size));
  const policy = resolvePolicy(options.policy);
  const bySize = sizes.map((size) => {
    const ofSize = read.filter((member) => member.size === size);
    const cells = distinct(ofSize.map(({ name, setting }) => settingOf(name, setting))).map((setting) => {
      const inCell = ofSize.filter((member) => member.setting === setting && member.observations.length > 0);
      const outcomes = tallyOutcomes(ofSize.filter((m) => m.setting === setting).map(({ outcome }) => outcome));
      const cell: Cell = {
        setting,
        levels: inCell.map(({ observations }) => lastOf(observations, policy.dwell, ({ m }) => m)),
        noise: inCell.map(({ observations }) => lastOf(observations, policy.dwell, ({ noise }) => noise)),
      };
      const reading = readEnsemble(inCell, readingOf(options, examples));
      const peak = isTold(reading) ? reading.peak : reading;
      return { cell, peak, outcomes };
    });
    return { size, cells };
  });
  const sized = bySize.filter(({ size }) => size !== null);
  return {
    splits,
    examples,
    cells: bySize.flatMap(({ size, cells }) =>
      cells.map(({ cell, peak, outcomes }) => {
        const { setting, levels } = cell;
        return { setting, size, members: levels.length, final: readCell(cell, examples), peak, outcomes };
      }),
    ),
    critical: bySize.map(({ size, cells }) => ({
      size,
      setting: criticalSetting(
        cells.map(({ cell }) => cell),
        examples,
        policy.minimumChange,
      ),
    })),
    crossings: sized.slice(1).map((larger, i) => ({
      smaller: sized[i]?.size ?? 0,
      larger: larger.size ?? 0,
      setting: criticalCrossing(
        (sized[i]?.cells ?? []).map(({ cell }) => cell),
        larger.cells.map(({ cell }) => cell),
      ),
    })),
    caveats: caveatsOf(splits, Number.POSITIVE_INFINITY),
  };
}

/** Throws `TrajectoryError` (`invalid_options`) for numbers that define nothing. */
function checkOptions({ examples = 1, window = WINDOW, outcomes: { level = 1, gap = 0 } = {} }: EnsembleOptions): void {
  const refuse = (what: string) => new TrajectoryError("invalid_options", what);
  if (!(examples > 0 && Number.isFinite(examples))) throw refuse(`examples must be a number above 0, got ${examples}`);
  if (!(Number.isInteger(window) && window >= MINIMUM_WINDOW)) {
    throw refuse(`window must be a whole number from ${MINIMUM_WINDOW}, got ${window}`);
  }
  if (!(level > 0 && level <= 1)) throw refuse(`outcomes.level must be above 0, at most 1, got ${level}`);
  if (!(gap >= 0 && Number.isFinite(gap))) throw refuse(`outcomes.gap must be a number from 0, got ${gap}`);
}

function readingOf({ policy, window = WINDOW }: EnsembleOptions, size: number): ReadingOptions {
  const { floor, minimumChange } = resolvePolicy(policy);
  return { size, floor, spread: minimumChange, window };
}

const examplesOf = (members: readonly ReadMember[]): number =>
  Math.max(1, median(members.map(({ examples }) => examples).filter((examples) => examples > 0)));

const lastOf = (observations: readonly Observation[], dwell: number, of: (one: Observation) => number): number =>
  median(observations.slice(-dwell).map(of));

const distinct = <T extends number | null>(values: readonly T[]): T[] =>
  [...new Set(values)].toSorted((a, b) => Number(a) - Number(b));

function settingOf(name: string, setting: number | null): number {
  if (setting === null || !Number.isFinite(setting)) {
    throw new TrajectoryError("invalid_options", `${name}: a sweep needs the setting of every member, a finite number`);
  }
  return setting;
}

function noSplit(members: number): Untold {
  if (members < MINIMUM_MEMBERS) return tooFew(members);
  const message = "No OOD split, and where there is none no validation split, is measured in every member.";
  return { insufficient: "no_common_split", message };
}

function caveatsOf(splits: readonly string[], members: number): CriticalityCaveat[] {
  const caveats: CriticalityCaveat[] = [];
  if (splits.includes("validation")) {
    const message = "The order parameter is validation accuracy: it is not about data of another kind.";
    caveats.push({ code: "validation_only", message });
  }
  if (members >= MINIMUM_MEMBERS && members < FEW) {
    const message = `With ${members} members the standard error of chi is about ${Math.round(
      100 * Math.sqrt(2 / (members - 1)),
    )}% of it.`;
    caveats.push({ code: "few_members", message });
  }
  return caveats;
}
