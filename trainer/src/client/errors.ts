import type { Answer } from "./retry.ts";

/** The service understood and refused; `code` is stable, the message is its sentence. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** No usable answer until the deadline; `cause` is the last failure. */
export class ServiceUnavailable extends Error {
  override readonly name = "ServiceUnavailable";
  /** How long to leave it alone before it is asked again: what it asked for itself, or the next wait of the retries. */
  readonly waitMs: number;

  constructor(message: string, { waitMs, cause }: { waitMs: number; cause: unknown }) {
    super(message, { cause });
    this.waitMs = waitMs;
  }
}

/** Reads a problem document (RFC 9457). Whatever stands in between may answer with something else, so nothing is sure. */
export function toApiError({ status, body }: Answer): ApiError {
  let problem: { code?: unknown; detail?: unknown; title?: unknown } = {};
  try {
    problem = Object(JSON.parse(body));
  } catch {
    // Not JSON: the status alone has to do.
  }
  const sentence = [problem.detail, problem.title].find((text) => typeof text === "string");
  const code = typeof problem.code === "string" ? problem.code : `http_${status}`;
  return new ApiError(status, code, `${sentence ?? `the service answered ${status}`}`);
}
