import { type Accuracy, type MemberOutcome, type OutcomeOptions, outcomeOf } from "./criticality/outcomes.ts";
import type { Observation, Series } from "./criticality/series.ts";
import { TrajectoryError } from "./error.ts";
import { judge } from "./judge.ts";
import { decidingOf, orderPoints } from "./points.ts";
import type { JudgeOptions, Point } from "./types.ts";

/** One model of an ensemble, its trajectory, and what it is judged with. */
export interface Member {
  name: string;
  points: readonly Point[];
  options?: JudgeOptions;
  /** Value of the swept setting, in its own units. */
  setting?: number | null;
  /** Size of the system (parameters, width, examples trained on): what cumulants are compared across. */
  size?: number | null;
}

export interface ReadMember extends Series {
  name: string;
  setting: number | null;
  size: number | null;
  outcome: MemberOutcome;
}

/** Splits that decide in any member and are measured in all of them, and each member's m on these. */
export function readMembers(
  members: readonly Member[],
  { split, outcomes }: { split?: string; outcomes?: OutcomeOptions },
): { splits: string[]; read: ReadMember[] } {
  const named = members.map(({ points }) => new Set(points.flatMap((point) => Object.keys(point.splits))));
  const deciding = split === undefined ? decidingOf([...new Set(named.flatMap((names) => [...names]))]) : [split];
  const splits = deciding.filter((name) => named.every((names) => names.has(name)));
  return { splits, read: members.map((member) => readMember(member, splits, outcomes)) };
}

function readMember(member: Member, splits: readonly string[], options: OutcomeOptions | undefined): ReadMember {
  const { name, setting = null, size = null } = member;
  const chances = chancesOf(member);
  const observations: Observation[] = [];
  const [train, deciding]: [Accuracy[], Accuracy[]] = [[], []];
  let examples = 0;
  for (const { step, splits: results } of orderPoints(member.points)) {
    const trained = results["train"];
    if (trained !== undefined) train.push({ step, accuracy: trained.correct / trained.total });
    const measured = splits.flatMap((split) => {
      const result = results[split];
      if (result === undefined) return [];
      const { correct, total } = result;
      return [{ accuracy: correct / total, total, scale: 1 - (chances.get(split) ?? 0) }];
    });
    // A mean over some of the splits would move with which of them were measured.
    if (splits.length === 0 || measured.length < splits.length) continue;
    const mean = (of: (one: (typeof measured)[number]) => number) =>
      measured.reduce((total, one) => total + of(one), 0) / measured.length;
    const m = mean(({ accuracy, scale }) => 1 - (1 - accuracy) / scale);
    const noise = mean(({ accuracy, total, scale }) => (accuracy * (1 - accuracy)) / total / scale ** 2);
    observations.push({ step, m, noise: noise / measured.length });
    deciding.push({ step, accuracy: Math.min(...measured.map(({ accuracy }) => accuracy)) });
    examples = measured.reduce((total, one) => total + one.total, 0);
  }
  return { name, setting, size, observations, examples, outcome: outcomeOf(train, deciding, options) };
}

/** Chance as the verdict takes it: as given, else from the first step. */
function chancesOf({ name, points, options = {} }: Member): Map<string, number> {
  try {
    return new Map(judge(points, options).evidence.splits.map(({ split, chance }) => [split, chance]));
  } catch (error) {
    if (!(error instanceof TrajectoryError)) throw error;
    const { step, split } = error;
    const where = { ...(step !== null && { step }), ...(split !== null && { split }) };
    throw new TrajectoryError(error.code, `${name}: ${error.message}`, where);
  }
}
