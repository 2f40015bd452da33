import fc from "fast-check";
import { schedules } from "./commands.ts";
import type { FaultyReceiver } from "./faulty-receiver.ts";
import { checkInvariants, describe, holds } from "./invariants.ts";
import type { Plant } from "./plants.ts";
import { settle } from "./settle.ts";
import { type Laboratory, newWorld, type World } from "./world.ts";

/** A counterexample is made smaller for so long. */
const SHRINK_MS = 60_000;
/**
 * The sender waits for a hundredth of what it waits in use while a receiver may hang: it must not hold up a schedule. Once
 * all is well it waits as in use, for a busy machine is no fault.
 */
const PATIENCE = 0.01;

export interface Failure {
  schedule: number;
  /** What did not hold. */
  message: string;
  /** The shortest list of operations that was found to break it. */
  operations: string;
  story: string[];
}

/** Runs the nth schedule of a seed. Returns null where everything held. */
export async function runSchedule(
  laboratory: Laboratory,
  { seed, schedule, plant, shrink = true }: { seed: number; schedule: number; plant: Plant; shrink?: boolean },
): Promise<Failure | null> {
  const restore = plantFetch(plant, laboratory.receiver);
  laboratory.postgres.rewrite = plant.rewrite;
  let story: string[] = [];
  let enough = Number.POSITIVE_INFINITY;
  const property = fc.asyncProperty(schedules, async (commands) => {
    // Not by a time limit of fast-check's: it would count a schedule that is slow as one that failed, and leave it running.
    if (Date.now() > enough) return;
    const world: World = await newWorld(laboratory, plant);
    try {
      await fc.asyncModelRun(() => ({ model: world.reference, real: world }), commands);
      const stuck = await settle(world);
      holds(stuck.length === 0, "nothing is stuck", stuck);
      await plant.afterwards(world);
      await checkInvariants(world);
    } catch (error) {
      story = world.story;
      enough = Math.min(enough, Date.now() + SHRINK_MS);
      throw error;
    }
  });
  try {
    const parameters = { numRuns: 1, unbiased: true, seed: seed * 100_003 + schedule, endOnFailure: !shrink };
    const details = await fc.check(property, parameters);
    if (!details.failed) return null;
    return {
      schedule,
      message: describe(details.errorInstance),
      operations: `${details.counterexample?.[0] ?? ""}`,
      story,
    };
  } finally {
    restore();
  }
}

/** A webhook's post passes here: its time limit is shortened, and a planted defect changes it. */
function plantFetch(plant: Plant, { next }: FaultyReceiver): () => void {
  const [send, timeout] = [globalThis.fetch, AbortSignal.timeout];
  let attempts = 0;
  const mayHang = () => [...next.values()].some((answers) => answers.length > 0);
  AbortSignal.timeout = (milliseconds) => timeout.call(AbortSignal, milliseconds * (mayHang() ? PATIENCE : 1));
  globalThis.fetch = async (input, init) => {
    const headers = plant.post(Object.fromEntries(new Headers(init?.headers)), attempts++);
    return headers ? await send(input, { ...init, headers }) : new Response(null, { status: 200 });
  };
  return () => {
    globalThis.fetch = send;
    AbortSignal.timeout = timeout;
  };
}
