import fc from "fast-check";
import { ANSWERS } from "./faulty-receiver.ts";
import type { Fault } from "./life.ts";
import { asking, nth, Operation, type Planned } from "./planned.ts";
import { type Handling, message as handle, runSweep } from "./work.ts";
import type { World } from "./world.ts";

const faults: fc.Arbitrary<Fault | null> = fc.option(
  fc.record({
    at: fc.oneof(fc.nat(24), fc.constantFrom("commit" as const, "send" as const, "store" as const)),
    how: fc.constantFrom("kill" as const, "fail" as const),
    when: fc.constantFrom("before" as const, "after" as const),
  }),
  { freq: 3 },
);
const said = (fault: Fault | null) => (fault ? ` [${fault.how} ${fault.when} ${fault.at}]` : "");

type Here = Planned<World>;

const { push, pushCut, upload, pushes, deletion, report, hooks, receiver } = asking(faults, said, ANSWERS);
const message = fc
  .tuple(nth, fc.constantFrom<Handling[]>("take", "take", "take", "take twice", "lose", "give up"), faults)
  .map(
    ([which, handling, fault]): Here => ({
      name: `${handling} message ${which}${said(fault)}`,
      run: (world) => handle(world, which, handling, fault),
    }),
  );
const sweep = faults.map((fault): Here => ({ name: `sweep${said(fault)}`, run: (world) => runSweep(world, fault) }));
const time = fc
  .constantFrom(1, 10, 70, 400, 4000)
  .map((seconds): Here => ({ name: `${seconds} s pass`, run: async (world) => world.advance(seconds) }));
/** At the same time: what is asked of the steps once, and the work beside it. */
const together = fc
  .tuple(
    fc.array(fc.nat(9), { minLength: 8, maxLength: 40 }),
    fc.oneof(push, upload, deletion, report),
    fc.array(fc.oneof({ arbitrary: message, weight: 4 }, { arbitrary: sweep, weight: 1 }), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(
    ([order, one, rest]): Here => ({
      name: `at the same time: ${[one, ...rest].map(({ name }) => name).join("; ")}`,
      run: (world) => interleave(world, order, [one, ...rest]),
    }),
  );

/**
 * Each call of any of them begins when the schedule lets it; one that waits for another's lock waits beside.
 * fast-check's own scheduler cannot be part of a tuple that it shrinks (4.10), hence the drawn order.
 */
async function interleave(world: World, order: readonly number[], planned: readonly Here[]): Promise<void> {
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
    ...[
      push,
      push,
      pushCut,
      upload,
      pushes,
      deletion,
      report,
      message,
      message,
      message,
      sweep,
      hooks,
      receiver,
      time,
      together,
    ].map((kind: fc.Arbitrary<Here>) => kind.map((planned) => new Operation(planned))),
  ],
  { maxCommands: 14, size: "max" },
);
