import { DomainError } from "../../src/errors.ts";
import { deleteCheckpoints } from "../../src/services/checkpoint/delete.ts";
import { putCheckpoint } from "../../src/services/checkpoint/put.ts";
import { deliverDue } from "../../src/services/delivery/deliver-due.ts";
import { redeliverRange } from "../../src/services/delivery/redeliver.ts";
import { reportEvaluation } from "../../src/services/evaluation/report.ts";
import { workInTurn } from "../../src/services/evaluation/turn.ts";
import { sweep } from "../../src/services/sweep/sweep.ts";
import { createWebhook } from "../../src/services/webhook/create.ts";
import { rotateSecret } from "../../src/services/webhook/rotate-secret.ts";
import { updateWebhook } from "../../src/services/webhook/update.ts";
import { ACCURACIES, contentOf, referenceEngine, resultsOf } from "./contents.ts";
import type { AnswerKind } from "./faulty-receiver.ts";
import type { Fault } from "./life.ts";
import { type Message, newWebhook, urlRules, type World } from "./world.ts";

// What may happen to the service, each with what the reference makes of its answer.

/** A little more than a lease of an evaluation, and of a delivery. */
const LEASE_SECONDS = 60;
/** Faults of a unit's work that a schedule may have: at five the unit is rightly given up. */
const MOST_TROUBLED_WORK = 4;
const HINT_AFTER_SECONDS = 5;

export async function push(world: World, step: number, nth: number, fault: Fault | null): Promise<void> {
  const { bytes } = contentOf(step, nth);
  const came = await world.live(`push-${step}-${nth}`, fault, async (ctx) => {
    const { hinted } = await putCheckpoint(ctx, world.team.key, {
      ...{ idOrName: world.model.id, step, body: bodyOf(bytes), length: bytes.byteLength },
      ...{ claimedDigest: null, onlyNew: false },
    });
    await hinted;
  });
  const { reference } = world;
  if ("answer" in came) reference.pushed(step, nth);
  else if (codeOf(came.error) === "step_taken" && !came.life.dead) reference.taken(step, nth);
  else reference.maybePushed(step, nth);
}

export async function deleteStep(world: World, step: number, fault: Fault | null): Promise<void> {
  const which = (other: number) => other === step;
  const came = await world.live(`delete-${step}`, fault, (ctx) => deleteCheckpoints(ctx, world.model, { step }));
  if ("answer" in came || (codeOf(came.error) === "checkpoint_not_found" && !came.life.dead)) {
    world.reference.deleted(which);
  } else world.reference.maybeDeleted(which);
}

export async function deleteFrom(world: World, from: number, fault: Fault | null): Promise<void> {
  const which = (step: number) => step >= from;
  const came = await world.live(`delete-from-${from}`, fault, (ctx) => deleteCheckpoints(ctx, world.model, { from }));
  if ("answer" in came) world.reference.deleted(which);
  else world.reference.maybeDeleted(which);
}

export async function report(world: World, step: number, nth: number, fault: Fault | null): Promise<void> {
  const accuracies = ACCURACIES[nth] ?? ACCURACIES[0];
  const body = { splits: resultsOf(accuracies) };
  const came = await world.live(`report-${step}-${nth}`, fault, (ctx) =>
    reportEvaluation(ctx, world.model, step, { body, tasks: new Map(), metric: null }),
  );
  if ("answer" in came) world.reference.reportTaken(step, nth);
  else if (!(came.error instanceof DomainError) || came.life.dead) world.reference.maybeReported(step, nth);
}

export async function subscribe(world: World, fault: Fault | null): Promise<void> {
  const nth = world.reference.hooks.length;
  const came = await world.live("subscribe", fault, (ctx) => createWebhook(ctx, newWebhook(world, nth), urlRules));
  if ("answer" in came) world.reference.subscribe(came.answer);
}

export async function enable(world: World, nth: number, enabled: boolean, fault: Fault | null): Promise<void> {
  // The first stays subscribed: it is the one that must be told of everything.
  const hook = world.reference.hooks[1 + (nth % Math.max(1, world.reference.hooks.length - 1))];
  if (!hook) return;
  hook.state = "unknown";
  const came = await world.live(enabled ? "enable" : "disable", fault, (ctx) =>
    updateWebhook(ctx, hook.id, { enabled }, urlRules),
  );
  if ("answer" in came) hook.state = enabled ? "on" : "off";
}

export async function rotate(world: World, nth: number, fault: Fault | null): Promise<void> {
  const hook = hookOf(world, nth);
  await world.live("rotate", fault, (ctx) => rotateSecret(ctx, hook));
}

export async function redeliver(world: World, nth: number, fault: Fault | null): Promise<void> {
  const hook = hookOf(world, nth);
  const range = {
    from: new Date(0),
    to: new Date(world.now().getTime() + 1_000_000),
    statuses: ["delivered" as const, "exhausted" as const],
  };
  await world.live("redeliver", fault, (ctx) => redeliverRange(ctx, hook, range));
}

const hookOf = ({ reference: { hooks } }: World, nth: number): string => hooks[nth % hooks.length]?.id ?? "";

export function receive(world: World, nth: number, answers: readonly AnswerKind[]): void {
  const path = `${world.path}/${nth % world.reference.hooks.length}`;
  world.laboratory.receiver.next.set(path, [...answers]);
}

export type Handling = "take" | "take twice" | "lose";

/** The queues promise no order: any message may be the next. */
export async function message(world: World, nth: number, handling: Handling, fault: Fault | null): Promise<void> {
  const { messages } = world;
  if (messages.length === 0) return;
  const [taken] = messages.splice(nth % messages.length, 1);
  if (!taken || handling === "lose") return;
  if (handling === "take twice") messages.push(taken);
  await consume(world, taken, fault);
}

export async function consume(world: World, taken: Message, fault: Fault | null): Promise<void> {
  const troubled = fault !== null && taken.queue === "evaluations";
  const bearable = troubled && world.reference.troubledWork >= MOST_TROUBLED_WORK ? null : fault;
  if (bearable && troubled) world.reference.troubledWork += 1;
  const came = await world.live(`consume-${taken.queue}`, bearable, async (ctx) => {
    if (taken.queue === "deliveries") await deliverDue(ctx, urlRules);
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
    score: async (...args: Parameters<typeof engine.score>) => {
      const tally = await engine.score(...args);
      return { ...tally, correct: plant.correct(tally.correct) };
    },
  };
}

export async function runSweep(world: World, fault: Fault | null): Promise<void> {
  await world.live("sweep", fault, (ctx) => sweep(ctx, { hintAfterSeconds: HINT_AFTER_SECONDS }));
}

function codeOf(error: unknown): string | null {
  return error instanceof DomainError ? error.code : null;
}

/** workerd's reader of bodies has a method that Node's has not. */
function bodyOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  const body = new Blob([bytes]).stream();
  const getReader = () => {
    const reader = body.getReader({ mode: "byob" });
    const readAtLeast = (least: number, view: Uint8Array<ArrayBuffer>) =>
      Reflect.apply(reader.read, reader, [view, { min: least }]);
    return Object.assign(reader, { readAtLeast });
  };
  return { getReader } as never;
}
