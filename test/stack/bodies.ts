import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expectRefusal } from "./refused.ts";
import type { Answer, Team } from "./service.ts";

export interface RawRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  /** The bytes to send, which need not be as many as a header says. */
  body: Uint8Array;
  /** Hang up after the body; else wait for the answer. */
  hangUp?: boolean;
  /** Say after the body that nothing more will come, and wait for the answer all the same. */
  end?: boolean;
}

/** A request that no HTTP client would send, over a bare socket. Answers null where it hung up. */
export async function sendRaw(team: Team, request: RawRequest): Promise<Answer<unknown> | null> {
  const { hostname, port, host } = new URL(team.service.url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  const headers = { host, authorization: `Bearer ${team.key}`, connection: "close", ...request.headers };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${request.method} ${request.path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  if (request.hangUp) {
    await new Promise<void>((resolve) => {
      socket.write(request.body, () => resolve());
    });
    socket.destroy();
    return null;
  }
  // The service may answer and hang up before it has read all: that is an answer, too.
  socket.on("error", () => {});
  socket.write(request.body);
  if (request.end) socket.end();
  return parse(await text(socket));
}

/**
 * Asserts that a body is refused by the length that its header declares. None of it is sent: the service hangs up on
 * what it refuses, and a client that is still sending then may not come to read the answer.
 */
export async function expectTooLong(
  team: Team,
  { method, path, headers = {} }: Pick<RawRequest, "method" | "path"> & Partial<Pick<RawRequest, "headers">>,
  bytes: number,
  says: string | RegExp = "",
): Promise<void> {
  const declared = { "content-type": "application/json", ...headers, "content-length": String(bytes) };
  const answer = await sendRaw(team, { method, path, headers: declared, body: new Uint8Array() });
  if (!answer) throw new Error("no answer");
  expectRefusal(answer, { status: 413, code: "body_too_large", says });
}

/** One chunk of a body in chunked transfer coding, and its end. */
export const chunked = (body: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(`${body.byteLength.toString(16)}\r\n`), body, Buffer.from("\r\n0\r\n\r\n")]);

function parse(message: string): Answer<unknown> {
  const [head = "", ...rest] = message.split("\r\n\r\n");
  const [status = "", ...lines] = head.split("\r\n");
  const headers = new Headers(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const body = rest.join("\r\n\r\n");
  const json = body.slice(body.indexOf("{"), body.lastIndexOf("}") + 1);
  return { status: Number(status.split(" ")[1]), headers, text: body, body: json ? JSON.parse(json) : null };
}
