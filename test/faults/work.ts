import { keepDeadLetter } from "../../src/services/dead-letter/keep.ts";
import { deliverDue } from "../../src/services/delivery/deliver-due.ts";
import { workInTurn } from "../../src/services/evaluation/turn.ts";
import { sweep } from "../../src/services/sweep/sweep.ts";
import { verifyUpload } from "../../src/services/upload/verify.ts";
import { referenceEngine } from "./contents.ts";
import type { Fault } from "./life.ts";
import { urlRules } from "./verbs.ts";
import type { Message, World } from "./world.ts";

// What the service does of itself, where a schedule of this process says when: messages and sweeps.

/** A little more than a lease of an evaluation, and of a delivery. */
const LEASE_SECONDS = 60;
/** Faults of a unit's work that a schedule may have: at five the unit is rightly given up. */
const MOST_TROUBLED_WORK = 4;
const HINT_AFTER_SECONDS = 5;

export type Handling = "take" | "take twice" | "lose" | "give up";

/** The queues promise no order: any message may be the next. */
export async function message(world: World, nth: number, handling: Handling, fault: Fault | null): Promise<void> {
  const { messages } = world;
  if (messages.length === 0) return;
  const [taken] = messages.splice(nth % messages.length, 1);
  if (!taken) return;
  if (handling === "lose") {
    // Of what the dead-letter queue itself loses nobody can be asked.
    if (taken.queue === "dead-letters") messages.push(taken);
    return;
  }
  if (handling === "take twice") messages.push(taken);
  // As a queue does with what failed too often: the message goes to the dead-letter queue.
  if (handling === "give up") world.giveUp(taken);
  else await consume(world, taken, fault);
}

export async function consume(world: World, taken: Message, fault: Fault | null): Promise<void> {
  const troubled = fault !== null && taken.queue === "evaluations";
  const bearable = troubled && world.reference.troubledWork >= MOST_TROUBLED_WORK ? null : fault;
  if (bearable && troubled) world.reference.troubledWork += 1;
  const came = await world.live(`consume-${taken.queue}`, bearable, async (ctx) => {
    if (taken.queue === "deliveries") await deliverDue(ctx, urlRules);
    else if (taken.queue === "dead-letters") await keepDeadLetter(ctx, taken.id, taken.body);
    else if ("uploadId" in taken.body) await verifyUpload(ctx, taken.body.uploadId, { leaseSeconds: LEASE_SECONDS });
    else if ("evaluationId" in taken.body) {
      await workInTurn(ctx, engineOf(world), taken.body.evaluationId, { leaseSeconds: LEASE_SECONDS });
    }
  });
  // A queue gives a message again whose consumer failed or died.
  if (!("answer" in came)) world.messages.push(taken);
}

function engineOf({ plant }: World) {
  const engine = referenceEngine();
  return {
    ...engine,
    score: async (...args: Parameters<typeof engine.score>) => {
      const tally = await engine.score(...args);
      return { ...tally, correct: plant.correct(tally.correct) };
    },
  };
}

export async function runSweep(world: World, fault: Fault | null): Promise<void> {
  await world.live("sweep", fault, (ctx) => sweep(ctx, { hintAfterSeconds: HINT_AFTER_SECONDS }));
}
