import { once } from "node:events";

/** Aborts at the first Ctrl-C (or SIGTERM, SIGHUP), so that everything can stop in order. */
export function interruptible(): AbortSignal {
  const interruption = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // The second time the person means it; the guardian ends what is left.
      if (interruption.signal.aborted) process.exit(130);
      interruption.abort();
    });
  }
  return interruption.signal;
}

/** Waits for it. */
export async function interrupted(interruption: AbortSignal): Promise<void> {
  if (!interruption.aborted) await once(interruption, "abort");
}
