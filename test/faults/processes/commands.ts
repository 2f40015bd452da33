import fc from "fast-check";
import type { AnswerKind } from "../faulty-receiver.ts";
import { push as pushTo } from "../operations.ts";
import { asking, Operation, type Planned } from "../planned.ts";
import { PUSHED_STEPS } from "../steps.ts";
import { type Call, type Kill, sayKill, type WorkerName } from "./kills.ts";
import type { StackWorld } from "./world.ts";

type There = Planned<StackWorld>;

/** The nth of a kind that an operation, or the work that follows from it, is likely to come to. */
const CALLS: Record<WorkerName, [Call, number][]> = {
  api: [
    ["statement", 14],
    ["commit", 1],
    ["store", 2],
    ["send", 1],
    ["post", 1],
  ],
  evaluator: [
    ["statement", 24],
    ["commit", 1],
    ["store", 1],
    ["send", 0],
  ],
};
const kills: fc.Arbitrary<Kill> = fc.constantFrom<WorkerName[]>("api", "evaluator").chain((of) =>
  fc.constantFrom(...CALLS[of]).chain(([call, most]) =>
    fc.record({
      of: fc.constant(of),
      victim: fc.constantFrom<Kill["victim"][]>(of, of, of, of, "host"),
      call: fc.constant(call),
      nth: fc.nat(most),
      when: fc.constantFrom("before" as const, "after" as const),
    }),
  ),
);
const said = (kill: Kill | null) => (kill ? ` [${sayKill(kill)}]` : "");
/** One that hangs or answers late would have the Workers wait as long as they do in use. */
const answers: AnswerKind[] = ["ok", "failing", "busy", "dropping", "slow", "gone"];

const { push, pushCut, upload, pushes, deletion, report, hooks, receiver } = asking(
  fc.option(kills, { freq: 2 }),
  said,
  answers,
);
const calm = asking<Kill>(fc.constant(null), said, answers);
const time = fc
  .constantFrom(10, 70, 400)
  .map((seconds): There => ({ name: `${seconds} s pass`, run: (world) => world.advance(seconds) }));
const killing = fc
  .constantFrom<Kill["victim"][]>("api", "evaluator", "host")
  .map((victim): There => ({ name: `kill -9 ${victim}`, run: (world) => world.killNow(victim) }));
/** Two trainers at once, and somebody at the webhooks. */
const together = fc
  .tuple(fc.subarray(PUSHED_STEPS, { minLength: 2, maxLength: 3 }), fc.option(kills, { freq: 2 }), calm.hooks)
  .map(
    ([steps, kill, other]): There => ({
      name: `at the same time: push ${steps.map((step) => `${step}:1`).join(", ")}; ${other.name}${said(kill)}`,
      run: async (world) => {
        if (kill) world.plan(kill);
        await Promise.all([...steps.map((step) => pushTo(world, step, 1, null)), other.run(world)]);
      },
    }),
  );

/** What every schedule ends with: a push, and a kill at what comes of it. */
export const last = fc.record({ step: fc.constantFrom(...PUSHED_STEPS), kill: kills });

export const schedules = fc.commands(
  [push, push, push, pushCut, upload, pushes, deletion, report, hooks, receiver, time, killing, together].map(
    (kind: fc.Arbitrary<There>) => kind.map((planned) => new Operation(planned)),
  ),
  { maxCommands: 8, size: "max" },
);
