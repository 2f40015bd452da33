import { setTimeout as pause } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { unfinished } from "../settle.ts";
import type { StackWorld } from "./world.ts";

/** Where nothing has changed for so long, what is left waits for time to pass. */
const QUIET_MS = 600;
const LOOK_EVERY_MS = 100;
/** More than any lease. */
const ROUND_SECONDS = 200;
/** The longest that an upload which came to nothing is kept: a refused one, and a grace after. */
const LONG_SECONDS = 8 * 24 * 3600;
/** For a service that is stuck, not a measure of its speed. */
const MOST_MS = 180_000;

/** Lets what the operations have begun go on, with the kills that are planned for it, for as long as it does. */
export async function goOn(world: StackWorld): Promise<void> {
  await quiet(world, Date.now() + MOST_MS);
}

/** The kills have stopped: the stack's own sweeps, and time, until nothing is left to do. Returns what is stuck. */
export async function settle(world: StackWorld): Promise<string[]> {
  const { kills, receiver } = world.laboratory;
  kills.forget();
  receiver.next.clear();
  for (const end = Date.now() + MOST_MS; ; ) {
    // Nobody may be sending any more: the next schedule would hear of it.
    await quiet(world, end);
    const left = await unfinished(world.db);
    if (left.length === 0 || Date.now() > end) return left;
    await world.advance(left.some((one) => one.startsWith("an upload")) ? LONG_SECONDS : ROUND_SECONDS);
  }
}

/** Until nothing is done any more, by Workers that are there to do it. */
async function quiet(world: StackWorld, end: number): Promise<void> {
  await world.laboratory.url();
  let [before, since] = ["", Date.now()];
  while (Date.now() - since < QUIET_MS && Date.now() < end) {
    const state = await stateOf(world);
    if (state !== before) [before, since] = [state, Date.now()];
    await pause(LOOK_EVERY_MS);
  }
}

/** Changes whenever anything is done. */
async function stateOf({ db, receiver }: StackWorld): Promise<string> {
  const { rows } = await db.execute(sql`
    select
      (select jsonb_agg(jsonb_build_array(status, attempts) order by id) from deliveries) deliveries,
      (select jsonb_agg(jsonb_build_array(status, hinted_at) order by id) from uploads) uploads,
      (select jsonb_agg(status order by id) from evaluations) evaluations,
      (select jsonb_agg(jsonb_build_array(attempts, done_at) order by evaluation_id, ordinal) from evaluation_shards) shards,
      (select count(*) from delivery_attempts) attempts`);
  return JSON.stringify([rows, receiver.posts.length]);
}
