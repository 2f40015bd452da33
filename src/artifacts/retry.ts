import type { S3ServiceException } from "@aws-sdk/client-s3";

export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

export interface RetryPolicy {
  /** Times that a call is tried at most. */
  attempts: number;
  /** The longest pause before the second attempt; it doubles with each, up to `longestPauseMs`. */
  firstPauseMs: number;
  longestPauseMs: number;
  /** An attempt without an answer by then is given up. */
  timeoutMs: number;
  /** No attempt begins later than this after the first: somebody is waiting for the answer. */
  patienceMs: number;
}

export const DEFAULT_RETRIES: RetryPolicy = {
  attempts: 5,
  firstPauseMs: 100,
  longestPauseMs: 2_000,
  timeoutMs: 30_000,
  patienceMs: 45_000,
};

/**
 * Tries until the store answers. Only for calls that may be repeated. Pauses are drawn evenly from nothing to their
 * longest, so that those who failed together do not come back together.
 * @throws StoreUnavailable when no attempt was answered; what the store answered, where trying again is of no use
 */
export async function withRetries<Result>(
  policy: RetryPolicy,
  attempt: (signal: AbortSignal) => Promise<Result>,
  abandoned?: AbortSignal,
): Promise<Result> {
  const started = Date.now();
  for (let count = 1; ; count += 1) {
    // Not AbortSignal.timeout: what an attempt has opened is read after it.
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), policy.timeoutMs);
    try {
      return await attempt(abandoned ? AbortSignal.any([late.signal, abandoned]) : late.signal);
    } catch (error) {
      if (!isPassing(error)) throw error;
      const pause = Math.random() * Math.min(policy.longestPauseMs, policy.firstPauseMs * 2 ** (count - 1));
      const tooLate = Date.now() + pause - started > policy.patienceMs;
      if (count >= policy.attempts || tooLate || abandoned?.aborted) {
        throw new StoreUnavailable("The object store does not answer.", { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Answers of 4xx that blame the way and not the request: the body came in short, or as other bytes. */
const DAMAGED = ["BadDigest", "IncompleteBody", "RequestTimeout", "XAmzContentSHA256Mismatch", "InvalidDigest"];

/** Whether the same call may fare better later. No answer at all, one that broke off, 5xx, and damage on the way. */
function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  if (status === undefined || status < 400 || status >= 500) return true;
  return [408, 409, 425, 429].includes(status) || DAMAGED.includes(codeOf(error));
}

export function isMissing(error: unknown): boolean {
  return statusOf(error) === 404;
}

/** The response's status, where there was a response: also when its body could not be read. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { $metadata, $response } = error as Pick<Partial<S3ServiceException>, "$metadata" | "$response">;
  return $metadata?.httpStatusCode ?? $response?.statusCode;
}

/** The `Code` of S3's error document. */
function codeOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
