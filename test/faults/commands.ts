import fc from "fast-check";
import { deliveries } from "../../src/database/schema.ts";
import { CONTENTS } from "./contents.ts";
import { ANSWERS, type AnswerKind } from "./faulty-receiver.ts";
import { holds } from "./invariants.ts";
import type { Fault } from "./life.ts";
import * as operations from "./operations.ts";
import type { Reference } from "./reference.ts";
import { HISTORY_STEPS, PUSHED_STEPS } from "./steps.ts";
import type { World } from "./world.ts";

type Command = fc.AsyncCommand<Reference, World>;

/** One operation, or several at the same time. */
class Operation implements Command {
  readonly #name: string;
  readonly #run: (world: World) => Promise<unknown>;

  constructor(name: string, run: (world: World) => Promise<unknown>) {
    this.#name = name;
    this.#run = run;
  }

  check = () => true;
  toString = () => this.#name;

  /** Whatever is announced meanwhile must have a row for everyone who was subscribed before and still is after. */
  async run(reference: Reference, world: World): Promise<void> {
    const before = new Set((await rowsOf(world)).map(({ id }) => id));
    const subscribed = reference.hooks.filter(({ state }) => state === "on").map(({ id }) => id);
    await this.#run(world);
    const added = (await rowsOf(world)).filter(({ id }) => !before.has(id));
    const always = reference.hooks[0]?.id;
    const still = subscribed.filter((id) => reference.hooks.some((hook) => hook.id === id && hook.state === "on"));
    for (const { eventId } of added.filter(({ webhookId }) => webhookId === always)) {
      const to = added.filter((row) => row.eventId === eventId).map(({ webhookId }) => webhookId);
      const missed = still.filter((id) => !to.includes(id));
      holds(missed.length === 0, "each event has one row for each subscriber", { eventId, missed });
    }
  }
}

async function rowsOf({ laboratory: { db } }: World) {
  const { id, webhookId, eventId } = deliveries;
  return await db.select({ id, webhookId, eventId }).from(deliveries);
}

const faults: fc.Arbitrary<Fault | null> = fc.option(
  fc.record({
    at: fc.oneof(fc.nat(24), fc.constantFrom("commit" as const, "send" as const, "store" as const)),
    how: fc.constantFrom("kill" as const, "fail" as const),
    when: fc.constantFrom("before" as const, "after" as const),
  }),
  { freq: 3 },
);
const step = fc.constantFrom(...PUSHED_STEPS);
/** The second generalizes: what crosses is what there is to announce. */
const content = fc.oneof({ arbitrary: fc.constant(1), weight: 2 }, fc.nat(CONTENTS - 1));
const nth = fc.nat(9);
const said = (fault: Fault | null) => (fault ? ` [${fault.how} ${fault.when} ${fault.at}]` : "");

type Planned = { name: string; run: (world: World) => Promise<unknown> };

const push = fc.tuple(step, content, faults).map(
  ([at, which, fault]): Planned => ({
    name: `push ${at}:${which}${said(fault)}`,
    run: (world) => operations.push(world, at, which, fault),
  }),
);
const pushes = fc.tuple(fc.nat(PUSHED_STEPS.length - 3), fc.nat(CONTENTS - 2)).map(
  ([first, content]): Planned => ({
    name: `push three from ${PUSHED_STEPS[first]}:${content}`,
    run: async (world) => {
      for (const at of PUSHED_STEPS.slice(first, first + 3)) await operations.push(world, at, content, null);
    },
  }),
);
const deletion = fc.tuple(fc.constantFrom(...PUSHED_STEPS, ...HISTORY_STEPS.slice(-2)), fc.boolean(), faults).map(
  ([at, all, fault]): Planned => ({
    name: `delete ${all ? "from " : ""}${at}${said(fault)}`,
    run: (world) => (all ? operations.deleteFrom(world, at, fault) : operations.deleteStep(world, at, fault)),
  }),
);
const report = fc.tuple(step, fc.nat(CONTENTS - 2), faults).map(
  ([at, content, fault]): Planned => ({
    name: `report ${at}:${content}${said(fault)}`,
    run: async (world) => {
      await operations.push(world, at, CONTENTS - 1, null);
      await operations.report(world, at, content, fault);
    },
  }),
);
const message = fc
  .tuple(nth, fc.constantFrom<operations.Handling[]>("take", "take", "take", "take twice", "lose"), faults)
  .map(
    ([which, handling, fault]): Planned => ({
      name: `${handling} message ${which}${said(fault)}`,
      run: (world) => operations.message(world, which, handling, fault),
    }),
  );
const sweep = faults.map(
  (fault): Planned => ({ name: `sweep${said(fault)}`, run: (world) => operations.runSweep(world, fault) }),
);
const hooks = fc.tuple(fc.constantFrom("subscribe", "disable", "enable", "rotate", "redeliver"), nth, faults).map(
  ([what, which, fault]): Planned => ({
    name: `${what} ${which}${said(fault)}`,
    run: async (world) => {
      if (what === "subscribe") await operations.subscribe(world, fault);
      else if (what === "rotate") await operations.rotate(world, which, fault);
      else if (what === "redeliver") await operations.redeliver(world, which, fault);
      else await operations.enable(world, which, what === "enable", fault);
    },
  }),
);
const receiver = fc.tuple(nth, fc.array(fc.constantFrom<AnswerKind[]>(...ANSWERS), { minLength: 1, maxLength: 4 })).map(
  ([which, answers]): Planned => ({
    name: `receiver ${which} answers ${answers.join(", ")}`,
    run: async (world) => operations.receive(world, which, answers),
  }),
);
const time = fc
  .constantFrom(1, 10, 70, 400, 4000)
  .map((seconds): Planned => ({ name: `${seconds} s pass`, run: async (world) => world.advance(seconds) }));
/** At the same time: what is asked of the steps once, and the work beside it. */
const together = fc
  .tuple(
    fc.array(fc.nat(9), { minLength: 8, maxLength: 40 }),
    fc.oneof(push, deletion, report),
    fc.array(fc.oneof({ arbitrary: message, weight: 4 }, { arbitrary: sweep, weight: 1 }), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(
    ([order, one, rest]): Planned => ({
      name: `at the same time: ${[one, ...rest].map(({ name }) => name).join("; ")}`,
      run: (world) => interleave(world, order, [one, ...rest]),
    }),
  );

/**
 * Each call of any of them begins when the schedule lets it; one that waits for another's lock waits beside.
 * fast-check's own scheduler cannot be part of a tuple that it shrinks (4.10), hence the drawn order.
 */
async function interleave(world: World, order: readonly number[], planned: readonly Planned[]): Promise<void> {
  const waiting: (() => void)[] = [];
  world.gate = () => new Promise<void>((resolve) => waiting.push(resolve));
  let going = true;
  const all = Promise.allSettled(planned.map(({ run }) => run(world))).finally(() => {
    going = false;
  });
  for (let turn = 0; going; turn += 1) {
    // Whoever is on the way to its next call gets there first, so that the choice is among all of them.
    await new Promise((resolve) => setTimeout(resolve, 1));
    const [next] = waiting.splice((order[turn % order.length] ?? 0) % Math.max(1, waiting.length), 1);
    next?.();
  }
  world.gate = null;
  for (const one of await all) if (one.status === "rejected") throw one.reason;
}

export const schedules = fc.commands(
  [
    ...[push, push, pushes, deletion, report, message, message, message, sweep, hooks, receiver, time, together].map(
      (kind) => kind.map(({ name, run }): Command => new Operation(name, run)),
    ),
  ],
  { maxCommands: 14, size: "max" },
);
