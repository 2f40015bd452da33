import type { Context } from "../../context.ts";
import { DomainError } from "../../errors.ts";
import { checkWebhookUrl, type UrlRules } from "../webhook/check-url.ts";
import type { Claimed } from "./claim.ts";
import { parseRetryAfter } from "./schedule.ts";
import { signedHeaders, signingSecrets } from "./sign.ts";

const TIMEOUT_MS = 15_000;
/** What is kept of an answer's body. */
const ANSWER_BYTES = 1024;
/** The status is what counts: a body that does not come is not waited for. */
const ANSWER_MS = 2_000;
const LONGEST_ERROR = 200;

/** What came of one attempt. */
export interface Attempt extends Claimed {
  startedAt: Date;
  latencyMs: number;
  /** Null without an answer. */
  status: number | null;
  /** The first of the answer's body. */
  answer: string | null;
  /** Null for success: an answer of 200 to 299. */
  error: string | null;
  retryAfterMs: number | null;
}

/** Signs a delivery and posts it. Never rejects: whatever goes wrong is what came of the attempt. */
export async function sendDelivery(
  ctx: Pick<Context, "now">,
  { delivery, webhook }: Claimed,
  urls: UrlRules,
): Promise<Attempt> {
  const startedAt = ctx.now();
  const ended = (rest: Pick<Attempt, "status" | "answer" | "error" | "retryAfterMs">): Attempt => ({
    delivery,
    webhook,
    startedAt,
    latencyMs: ctx.now().getTime() - startedAt.getTime(),
    ...rest,
  });
  const failed = (error: string) => ended({ status: null, answer: null, error, retryAfterMs: null });
  if (!webhook.enabled) return failed("the webhook is disabled");
  try {
    const url = await checkWebhookUrl(webhook.url, urls);
    const response = await post(url, { ...delivery, at: ctx.now(), secrets: signingSecrets(webhook, ctx.now()) });
    return ended({
      status: response.status,
      answer: await firstOf(response),
      error: response.ok ? null : `answered ${response.status}`,
      retryAfterMs: parseRetryAfter(response.headers.get("retry-after"), ctx.now()),
    });
  } catch (error) {
    return failed(describe(error));
  }
}

async function post(
  url: string,
  { eventId: id, body, at, secrets }: { eventId: string; body: string; at: Date; secrets: string[] },
): Promise<Response> {
  return await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "user-agent": "CuriePoint-Webhooks/1",
      ...(await signedHeaders(secrets, { id, at, body })),
    },
    body,
    // A redirect could lead where the address itself may not.
    redirect: "manual",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}

function describe(error: unknown): string {
  if (error instanceof DomainError) return error.message;
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${TIMEOUT_MS / 1000} s`;
  return clean(error instanceof Error ? error.message : "unreachable").slice(0, LONGEST_ERROR);
}

/** The first of a body, as text: as much as came in time. */
async function firstOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const bytes = new Uint8Array(ANSWER_BYTES);
  let length = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ANSWER_MS);
  });
  try {
    while (length < ANSWER_BYTES) {
      const part = await Promise.race([reader.read(), late]);
      if (part === null || part.done) break;
      const room = part.value.subarray(0, ANSWER_BYTES - length);
      bytes.set(room, length);
      length += room.length;
    }
  } catch {
    // Cut off: the status had come by then.
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
  return clean(new TextDecoder().decode(bytes.subarray(0, length)));
}

/** Postgres keeps no NUL in text. */
function clean(text: string): string {
  return text.replaceAll("\0", "\uFFFD");
}
