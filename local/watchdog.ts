import { messageOf } from "./errors.ts";
import type { Events, Outcome } from "./events.ts";
import type { WorkerProcess } from "./worker.ts";

type Log = (line: string) => void;

/**
 * Ends the Worker's process when an event has not ended by the deadline: nothing else would, for workerd has no CPU
 * limit of its own and a loop holds up everything else in the process. The event then counts as dead.
 */
export async function withDeadline(
  worker: WorkerProcess,
  seconds: number,
  log: Log,
  event: () => Promise<Outcome>,
): Promise<Outcome> {
  // The clock must not run while the Worker is being started.
  await worker.ready();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    log(`an event has not ended after ${seconds} s: its Worker is ended and started again`);
    worker.kill();
  }, seconds * 1000);
  try {
    return await event();
  } catch (error) {
    // Handing it over again would only loop again: the attempt is counted in its row, and the sweep decides.
    if (late) return { outcome: "ok" };
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** A Worker that has not answered anything for this long is as good as dead: production allows 30 s of CPU. */
const SILENCE_MS = 30_000;
const PING_EVERY_MS = 5_000;

/** Ends a Worker that does not answer, and so has it started again. Returns the stop. */
export function startProbe(worker: WorkerProcess, events: Events, log: Log): () => void {
  return every(PING_EVERY_MS, async () => {
    const pid = worker.pid();
    try {
      await events.ping(AbortSignal.timeout(SILENCE_MS));
    } catch (error) {
      const silent = error instanceof Error && error.name === "AbortError";
      if (!silent || worker.pid() !== pid) return;
      log(`it has not answered for ${SILENCE_MS / 1000} s: it is ended and started again`);
      worker.kill();
    }
  });
}

/** Calls `scheduled()` at once and then as often as told, which workerd never does by itself. Returns the stop. */
export function startCron(worker: WorkerProcess, events: Events, seconds: number, crons: string[], log: Log) {
  return every(seconds * 1000, async () => {
    const pid = worker.pid();
    try {
      for (const cron of crons) {
        const { outcome } = await events.scheduled(cron);
        if (outcome !== "ok") log(`the scheduled event ended with "${outcome}"`);
      }
    } catch (error) {
      // If it has died under the event, the supervision has said so.
      if (worker.pid() === pid) log(`the scheduled event failed: ${messageOf(error)}`);
    }
  });
}

/** One at a time: a slow round delays the next. */
function every(milliseconds: number, round: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const next = async () => {
    await round();
    if (!stopped) timer = setTimeout(() => void next(), milliseconds);
  };
  void next();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
