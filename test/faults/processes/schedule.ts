import fc from "fast-check";
import { checkInvariants, describe, holds } from "../invariants.ts";
import { push } from "../operations.ts";
import { PUSHED_STEPS } from "../steps.ts";
import { schedules } from "./commands.ts";
import type { ProcessLaboratory } from "./laboratory.ts";
import { goOn, settle } from "./settle.ts";
import { newStackWorld, type StackWorld } from "./world.ts";

export interface ProcessOutcome {
  /** Who was killed, and where. */
  killed: string[];
  /** Null where everything held. */
  failure: { message: string; operations: string; story: string[] } | null;
}

/** Runs the nth schedule of a seed, with at least one process killed. */
export async function runProcessSchedule(
  laboratory: ProcessLaboratory,
  { seed, schedule, shrink }: { seed: number; schedule: number; shrink: boolean },
): Promise<ProcessOutcome> {
  let world: StackWorld | undefined;
  const property = fc.asyncProperty(schedules, async (commands) => {
    const mine = await newStackWorld(laboratory);
    world = mine;
    await fc.asyncModelRun(() => ({ model: mine.reference, real: mine }), commands);
    await goOn(mine);
    if (laboratory.killed.length === 0) await killAmidWork(mine, schedule);
    const stuck = await settle(mine);
    holds(stuck.length === 0, "nothing is stuck", stuck);
    await checkInvariants(mine);
  });
  const parameters = { numRuns: 1, unbiased: true, seed: seed * 100_003 + schedule, endOnFailure: !shrink };
  const details = await fc.check(property, parameters);
  const killed = [...laboratory.killed];
  if (!details.failed) return { killed, failure: null };
  const story = [...(world?.story ?? []), ...laboratory.lines.filter((line) => /warn|error|ended|given up/.test(line))];
  return {
    killed,
    failure: { message: describe(details.errorInstance), operations: `${details.counterexample?.[0] ?? ""}`, story },
  };
}

/** For a schedule whose planned kills were never met. */
async function killAmidWork(world: StackWorld, schedule: number): Promise<void> {
  await push(world, PUSHED_STEPS[schedule % PUSHED_STEPS.length] ?? 0, 1, null);
  await world.killNow(schedule % 2 === 0 ? "evaluator" : "api");
}
