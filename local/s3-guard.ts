import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, request, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { type Body, receiveBody } from "./s3-body.ts";
import { answerParts } from "./s3-parts.ts";
import type { CarefulStore } from "./s3-store.ts";

export interface GuardOptions {
  /** s3rver's port on loopback. */
  upstream: number;
  /** s3rver itself, for what needs nothing of the guard: the way over its port makes twice the garbage. */
  serve: RequestListener;
  /** A folder for bodies that do not fit in memory; emptied at start. */
  spool: string;
  /** What s3rver keeps its objects in. */
  store: CarefulStore;
  log(line: string): void;
}

/**
 * Stands between the Workers and s3rver, which writes a body into place while it arrives (a PUT cut short becomes
 * an object, or truncates a good one), believes any checksum, overwrites in spite of `If-None-Match: *` and can neither
 * abort a multipart upload nor list its parts. Signatures cover the Host header, so requests go on exactly as they came.
 */
export async function startGuard(options: GuardOptions): Promise<{ port: number; close(): Promise<void> }> {
  rmSync(options.spool, { recursive: true, force: true });
  mkdirSync(options.spool, { recursive: true, mode: 0o700 });
  const creating = new Set<string>();
  const server = createServer((incoming, response) => {
    guard(incoming, response, options, creating).catch(() => {
      // The client or s3rver broke off: there is nobody to answer, or nothing to answer with.
      if (response.headersSent) response.destroy();
      else refuse(response, 500, "InternalError", "We encountered an internal error. Please try again.");
    });
  });
  // Uploads take as long as they take.
  server.requestTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the guard listens on no port");
  return {
    port: address.port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function guard(
  incoming: IncomingMessage,
  response: ServerResponse,
  options: GuardOptions,
  creating: Set<string>,
): Promise<void> {
  const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://guard");
  // s3rver serves the unsigned as though buckets were public.
  if (incoming.headers.authorization === undefined && !searchParams.has("X-Amz-Signature")) {
    refuse(response, 403, "AccessDenied", "Access Denied");
    return;
  }
  if ((incoming.method === "GET" || incoming.method === "HEAD") && !searchParams.has("uploadId")) {
    options.serve(incoming, response);
    return;
  }
  if (incoming.method !== "PUT") {
    await forward(incoming, response, undefined, options);
    return;
  }
  if (incoming.headers["content-length"] === undefined) {
    refuse(response, 411, "MissingContentLength", "You must provide the Content-Length HTTP header.");
    return;
  }
  const body = await receiveBody(incoming, incoming.headers, options.spool);
  const create = incoming.headers["if-none-match"] === "*";
  // Two creations of one key at the same time: the second loses, as S3 has it.
  const conflict = create && creating.has(pathname);
  if (create && !conflict) creating.add(pathname);
  try {
    if (body.refusal !== undefined) refuse(response, 400, body.refusal.code, body.refusal.message);
    else if (conflict) refuse(response, 409, "ConditionalRequestConflict", "Another request creates this key.");
    else if (create && (await exists(pathname, options))) {
      refuse(response, 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
    } else await forward(incoming, response, body, options);
  } finally {
    if (create && !conflict) creating.delete(pathname);
    await body.discard();
  }
}

async function exists(pathname: string, options: GuardOptions): Promise<boolean> {
  const { bucket, key } = addressOf(pathname);
  return await options.store.existsObject(bucket, key);
}

function addressOf(pathname: string): { bucket: string; key: string } {
  const [, bucket = "", ...key] = pathname.split("/").map(decodeURIComponent);
  return { bucket, key: key.join("/") };
}

async function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  body: Body | undefined,
  options: GuardOptions,
): Promise<void> {
  const { method = "GET" } = incoming;
  const outgoing = request({
    host: "127.0.0.1",
    port: options.upstream,
    method,
    path: incoming.url ?? "/",
    headers: incoming.headers,
    setHost: false,
  });
  response.once("close", () => outgoing.destroy());
  const answered = once(outgoing, "response");
  const sent = pipeline(body === undefined ? incoming : body.open(), outgoing);
  // Awaited below; marked as handled here, for either may fail first.
  answered.catch(() => {});
  sent.catch(() => {});
  // s3rver refuses without reading on and hangs up: its answer counts, also where the body did not get through.
  const [answer] = await answered;
  if (!isMessage(answer)) throw new Error("no response");
  const { pathname, searchParams: query } = new URL(incoming.url ?? "/", "http://guard");
  if (answer.statusCode === 405 && query.has("uploadId") && ["GET", "DELETE"].includes(method)) {
    // s3rver answers so once the signature is found good, and only for want of the operation.
    answer.resume();
    await answerParts(options.store, { method, ...addressOf(pathname), query }, response, refuse);
    return;
  }
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  await pipeline(answer, response);
}

function isMessage(value: unknown): value is IncomingMessage {
  return typeof value === "object" && value !== null && "statusCode" in value && "headers" in value;
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  // The rest of a refused body would be read as the next request.
  response.writeHead(status, { "content-type": "application/xml", connection: "close" }).end(xml);
}
