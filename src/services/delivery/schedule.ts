const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Waits after the first failure, the second, …: 28 hours in all, the shape that Svix made usual. */
const WAITS_MS = [5_000, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];
/** Up to a fifth later, so that the failures of one outage do not all come back at once. */
const JITTER = 0.2;
/** A receiver that asks for a longer pause is asked again after a day. */
const LONGEST_WAIT_MS = 24 * HOUR;

/**
 * Milliseconds until the next attempt, after as many failures; null when there is to be none. A receiver may ask for
 * a longer wait by Retry-After, not for a shorter one.
 * @param random from 0 to 1
 */
export function nextWait(failures: number, retryAfterMs: number | null, random: number): number | null {
  const wait = WAITS_MS[failures - 1];
  if (wait === undefined) return null;
  return Math.max(wait * (1 + JITTER * random), Math.min(retryAfterMs ?? 0, LONGEST_WAIT_MS));
}

/** The wait that a Retry-After header asks for (RFC 9110, section 10.2.3: seconds or a date); null for none. */
export function parseRetryAfter(header: string | null, now: Date): number | null {
  if (header === null) return null;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now.getTime());
}
