import { setTimeout } from "node:timers/promises";
import { ServiceUnavailable, toApiError } from "./errors.ts";

export interface RetrySettings {
  /** Time for all attempts and the waits between them. */
  readonly deadlineMs: number;
  /** Time for one attempt: a connection that hangs must not eat the whole deadline. */
  readonly attemptMs: number;
  /** First wait; each one doubles, up to `longestWaitMs`. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** Told of every failure that may pass: what it was, how many there have been, and how long it is left alone now. */
  readonly onFailure?: (failure: { reason: string; failures: number; waitMs: number }) => void;
}

export const retryDefaults: RetrySettings = {
  deadlineMs: 120_000,
  attemptMs: 30_000,
  firstWaitMs: 200,
  longestWaitMs: 10_000,
};

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/**
 * Sends until there is a final answer: 2xx is returned, any other 4xx throws ApiError. Network errors, 429 and 5xx
 * are tried again, as the service may be restarting; every request of ours may safely arrive twice.
 */
export async function sendWithRetries(
  send: (signal: AbortSignal) => Promise<Response>,
  settings: RetrySettings,
): Promise<Answer> {
  const deadline = Date.now() + settings.deadlineMs;
  let before: unknown;
  for (let attempt = 0; ; attempt++) {
    const left = Math.max(1, deadline - Date.now());
    const timeoutMs = Math.min(settings.attemptMs, left);
    const outcome = await attemptOnce(send, timeoutMs);
    if ("answer" in outcome && outcome.answer.status < 300) return outcome.answer;

    const told = "answer" in outcome ? toApiError(outcome.answer) : outcome.failure;
    // An attempt that the deadline cut short says nothing; the one before it says why.
    const failure = timeoutMs < settings.attemptMs && isTimeout(told) ? (before ?? told) : told;
    before = failure;
    if ("answer" in outcome && !isTemporary(outcome.answer.status)) throw failure;
    const asked = "answer" in outcome ? retryAfterMs(outcome.answer.headers.get("retry-after")) : 0;
    const wait = Math.max(asked, backoffMs(attempt, settings));
    settings.onFailure?.({ reason: describe(failure), failures: attempt + 1, waitMs: wait });
    if (Date.now() + wait >= deadline) {
      const tries = attempt === 0 ? "1 try" : `${attempt + 1} tries`;
      throw new ServiceUnavailable(`gave up after ${tries}: ${describe(failure)}`, { waitMs: wait, cause: failure });
    }
    await setTimeout(wait);
  }
}

const isTimeout = (failure: unknown): boolean => failure instanceof Error && failure.name === "TimeoutError";

type Outcome = { answer: Answer } | { failure: unknown };

/** Reads the body too: a connection can break in the middle of it. */
async function attemptOnce(send: (signal: AbortSignal) => Promise<Response>, timeoutMs: number): Promise<Outcome> {
  try {
    const response = await send(AbortSignal.timeout(timeoutMs));
    return { answer: { status: response.status, headers: response.headers, body: await response.text() } };
  } catch (failure) {
    return { failure };
  }
}

const isTemporary = (status: number): boolean => status === 429 || status >= 500;

/** Half fixed, half random: many trainers that lost the same service must not come back in step. */
function backoffMs(attempt: number, { firstWaitMs, longestWaitMs }: RetrySettings): number {
  const wait = Math.min(longestWaitMs, firstWaitMs * 2 ** attempt);
  return wait / 2 + (wait / 2) * Math.random();
}

/** Seconds or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | null): number {
  if (header === null) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}

/** fetch says only "fetch failed"; the reason is its cause. */
function describe(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  return failure.cause instanceof Error ? `${failure.message}: ${failure.cause.message}` : failure.message;
}
