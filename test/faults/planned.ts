import fc from "fast-check";
import type { Database } from "../../src/database/client.ts";
import { deliveries } from "../../src/database/schema.ts";
import { CONTENTS } from "./contents.ts";
import type { AnswerKind } from "./faulty-receiver.ts";
import { holds } from "./invariants.ts";
import type { Subject } from "./operations.ts";
import * as operations from "./operations.ts";
import type { Reference } from "./reference.ts";
import { HISTORY_STEPS, PUSHED_STEPS } from "./steps.ts";

/** Something that a schedule does, by the name that a failure is told with. */
export interface Planned<World> {
  name: string;
  run: (world: World) => Promise<unknown>;
}

/** One of them, as fast-check runs it. */
export class Operation<World extends { db: Database }> implements fc.AsyncCommand<Reference, World> {
  readonly #planned: Planned<World>;

  constructor(planned: Planned<World>) {
    this.#planned = planned;
  }

  check = () => true;
  toString = () => this.#planned.name;

  /** Whatever is announced meanwhile must have a row for everyone who was subscribed before and still is after. */
  async run(reference: Reference, world: World): Promise<void> {
    const before = new Set((await rowsOf(world)).map(({ id }) => id));
    const subscribed = reference.hooks.filter(({ state }) => state === "on").map(({ id }) => id);
    await this.#planned.run(world);
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

async function rowsOf({ db }: { db: Database }) {
  const { id, webhookId, eventId } = deliveries;
  return await db.select({ id, webhookId, eventId }).from(deliveries);
}

const step = fc.constantFrom(...PUSHED_STEPS);
/** The second generalizes: what crosses is what there is to announce. */
const content = fc.oneof({ arbitrary: fc.constant(1), weight: 2 }, fc.nat(CONTENTS - 1));
export const nth = fc.nat(9);

/** What may be asked of a service, wherever it runs, with what troubles it meanwhile. */
export function asking<Trouble>(
  troubles: fc.Arbitrary<Trouble | null>,
  said: (trouble: Trouble | null) => string,
  answers: readonly AnswerKind[],
) {
  type Asked = Planned<Subject<Trouble>>;
  const push = fc.tuple(step, content, troubles).map(
    ([at, which, trouble]): Asked => ({
      name: `push ${at}:${which}${said(trouble)}`,
      run: (world) => operations.push(world, at, which, trouble),
    }),
  );
  const upload = fc.tuple(step, content, troubles).map(
    ([at, which, trouble]): Asked => ({
      name: `upload ${at}:${which} in parts${said(trouble)}`,
      run: (world) => operations.upload(world, at, which, trouble),
    }),
  );
  const pushCut = fc.tuple(step, content, troubles).map(
    ([at, which, trouble]): Asked => ({
      name: `push half of ${at}:${which}${said(trouble)}`,
      run: (world) => operations.pushCut(world, at, which, trouble),
    }),
  );
  const pushes = fc.tuple(fc.nat(PUSHED_STEPS.length - 3), fc.nat(CONTENTS - 2)).map(
    ([first, which]): Asked => ({
      name: `push three from ${PUSHED_STEPS[first]}:${which}`,
      run: async (world) => {
        for (const at of PUSHED_STEPS.slice(first, first + 3)) await operations.push(world, at, which, null);
      },
    }),
  );
  const deletion = fc.tuple(fc.constantFrom(...PUSHED_STEPS, ...HISTORY_STEPS.slice(-2)), fc.boolean(), troubles).map(
    ([at, all, trouble]): Asked => ({
      name: `delete ${all ? "from " : ""}${at}${said(trouble)}`,
      run: (world) => (all ? operations.deleteFrom(world, at, trouble) : operations.deleteStep(world, at, trouble)),
    }),
  );
  const report = fc.tuple(step, fc.nat(CONTENTS - 2), troubles).map(
    ([at, which, trouble]): Asked => ({
      name: `report ${at}:${which}${said(trouble)}`,
      run: async (world) => {
        await operations.push(world, at, CONTENTS - 1, null);
        await operations.report(world, at, which, trouble);
      },
    }),
  );
  const hooks = fc.tuple(fc.constantFrom("subscribe", "disable", "enable", "rotate", "redeliver"), nth, troubles).map(
    ([what, which, trouble]): Asked => ({
      name: `${what} ${which}${said(trouble)}`,
      run: async (world) => {
        if (what === "subscribe") await operations.subscribe(world, trouble);
        else if (what === "rotate") await operations.rotate(world, which, trouble);
        else if (what === "redeliver") await operations.redeliver(world, which, trouble);
        else await operations.enable(world, which, what === "enable", trouble);
      },
    }),
  );
  const receiver = fc.tuple(nth, fc.array(fc.constantFrom(...answers), { minLength: 1, maxLength: 4 })).map(
    ([which, answers]): Asked => ({
      name: `receiver ${which} answers ${answers.join(", ")}`,
      run: async (world) => operations.receive(world, which, answers),
    }),
  );
  return { push, pushCut, upload, pushes, deletion, report, hooks, receiver };
}
