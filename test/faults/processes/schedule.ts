import fc from "fast-check";
import { checkInvariants, describe, holds } from "../invariants.ts";
import { push } from "../operations.ts";
import { PUSHED_STEPS } from "../steps.ts";
import { last, schedules } from "./commands.ts";
import { type Kill, sayKill } from "./kills.ts";
import type { ProcessLaboratory } from "./laboratory.ts";
import { goOn, settle } from "./settle.ts";
import { newStackWorld, type StackWorld } from "./world.ts";

/** The content whose evaluation there is something to tell of. */
const GENERALIZES = 1;

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
  const property = fc.asyncProperty(schedules, last, async (commands, { step, kill }) => {
    const mine = await newStackWorld(laboratory);
    world = mine;
    await fc.asyncModelRun(() => ({ model: mine.reference, real: mine }), commands);
    await push(mine, step, GENERALIZES, kill);
    await goOn(mine);
    if (laboratory.killed.length === 0) await killAmidWork(mine, kill);
    holds(laboratory.killed.length > 0, "somebody was killed", laboratory.killed);
    const stuck = await settle(mine);
    holds(stuck.length === 0, "nothing is stuck", stuck);
    await checkInvariants(mine);
  });
  const parameters = { numRuns: 1, unbiased: true, seed: seed * 100_003 + schedule, endOnFailure: !shrink };
  const details = await fc.check(property, parameters);
  const killed = [...laboratory.killed];
  if (!details.failed) return { killed, failure: null };
  const [commands, end] = details.counterexample ?? [];
  const operations = `${commands}${end ? `,push ${end.step}:${GENERALIZES} [${sayKill(end.kill)}]` : ""}`;
  const story = [...(world?.story ?? []), ...laboratory.lines.filter((line) => /warn|error|ended|given up/.test(line))];
  return {
    killed,
    failure: { message: describe(details.errorInstance), operations, story },
  };
}

/** Where the schedule never came to the calls at which it was to kill. */
async function killAmidWork(world: StackWorld, { victim }: Kill): Promise<void> {
  // None of those that were planned for has troubled anybody.
  world.laboratory.kills.forget();
  world.reference.troubledWork = 0;
  for (const step of PUSHED_STEPS) await push(world, step, GENERALIZES, null);
  await world.killNow(victim);
}
