/** Every way in which the API says no. The codes are a contract: clients branch on them. */
const PROBLEMS = {
  unauthorized: { status: 401, title: "No valid key" },
  forbidden: { status: 403, title: "The key lacks the scope" },
  cross_site: { status: 403, title: "The form came from another site" },
  not_found: { status: 404, title: "No such path" },
  model_not_found: { status: 404, title: "No such model" },
  suite_not_found: { status: 404, title: "No such suite" },
  checkpoint_not_found: { status: 404, title: "No such checkpoint" },
  evaluation_not_found: { status: 404, title: "No such evaluation" },
  transition_not_found: { status: 404, title: "No such transition" },
  upload_not_found: { status: 404, title: "No such upload" },
  ensemble_not_found: { status: 404, title: "No such ensemble" },
  webhook_not_found: { status: 404, title: "No such webhook" },
  delivery_not_found: { status: 404, title: "No such delivery" },
  invalid_request: { status: 400, title: "The request is not well formed" },
  body_truncated: { status: 400, title: "The body ended early" },
  digest_mismatch: { status: 400, title: "The body is not what its digest says" },
  name_taken: { status: 409, title: "The name is taken" },
  step_taken: { status: 409, title: "The step is taken" },
  evaluation_measured: { status: 409, title: "The step is evaluated by the service" },
  not_comparable: { status: 409, title: "They have no examples in common" },
  model_moving: { status: 409, title: "The model moves to another suite version" },
  upload_incomplete: { status: 409, title: "Parts of the upload are missing" },
  upload_ended: { status: 409, title: "The upload has ended" },
  webhook_disabled: { status: 409, title: "The webhook is disabled" },
  too_many_webhooks: { status: 409, title: "The team has as many webhooks as it may" },
  artifact_gone: { status: 410, title: "The bytes are kept no more" },
  length_required: { status: 411, title: "Content-Length is missing" },
  precondition_failed: { status: 412, title: "The precondition does not hold" },
  verdict_not_met: { status: 412, title: "The verdict is not the required one" },
  body_too_large: { status: 413, title: "The body is too large" },
  invalid_checkpoint: { status: 422, title: "The checkpoint cannot be used" },
  verification_failed: { status: 422, title: "The upload could not be read back" },
  input_mismatch: { status: 422, title: "The checkpoint does not fit the suite" },
  invalid_evaluation: { status: 422, title: "The evaluation cannot be used" },
  invalid_history: { status: 422, title: "The history cannot be used" },
  ensemble_too_large: { status: 422, title: "The ensemble is too large to be read at once" },
  suite_unknown: { status: 422, title: "The suite does not exist" },
  invalid_suite: { status: 422, title: "The suite cannot be used" },
  invalid_webhook: { status: 422, title: "The webhook's address cannot be used" },
  not_ready: { status: 503, title: "A dependency does not answer" },
  storage_unavailable: { status: 503, title: "The object store does not answer" },
  internal: { status: 500, title: "Something failed on our side" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof PROBLEMS;
export const ERROR_CODES = Object.keys(PROBLEMS) as ErrorCode[];

/** An expected failure: what services throw, and what the one error handler turns into a problem document. */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly code: ErrorCode;
  /** Further members of the problem document (RFC 9457, section 3.2). */
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, detail: string, extensions: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.code = code;
    this.extensions = extensions;
  }
}

/** A failure in full, for the log alone: the stack, and what it was caused by. */
export function describeFailure(error: unknown): { error: string; cause?: string } {
  if (!(error instanceof Error)) return { error: String(error) };
  return { error: error.stack ?? error.message, ...(error.cause ? { cause: String(error.cause) } : {}) };
}

/** RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  /** Quote it when asking for help: the logs carry it. */
  requestId: string;
  [extension: string]: unknown;
}

/** The problem document of a failure. Unknown failures say nothing but the request id: their cause goes to the log. */
export function toProblem(error: unknown, requestId: string): Problem {
  const known = error instanceof DomainError;
  const code = known ? error.code : "internal";
  const { status, title } = PROBLEMS[code];
  return {
    ...(known ? error.extensions : {}),
    type: `urn:curie-point:problem:${code}`,
    title,
    status,
    detail: known ? error.message : "The failure was logged. Try again; if it stays, report the request id.",
    code,
    requestId,
  };
}
