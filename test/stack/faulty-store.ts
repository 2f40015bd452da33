import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Service } from "./service.ts";

/**
 * What the store does wrong: `refusing` answers 503, `failing` 500, `away` hangs up, `hanging` never answers, `slow`
 * takes its time, `deaf` does as it is told and never says so, `cutting` hangs up half-way through a body, `altering`
 * changes a byte of it, `unreadable` hangs up on whoever reads, `stalling` never answers who writes, `forgetting` takes
 * what is written and keeps none of it, `denying` finds that an address has run out, `misreading` gives other bytes of
 * an artifact than it has.
 */
export type Fault =
  | "none"
  | "refusing"
  | "failing"
  | "away"
  | "hanging"
  | "slow"
  | "deaf"
  | "cutting"
  | "altering"
  | "unreadable"
  | "stalling"
  | "forgetting"
  | "denying"
  | "misreading";

export interface FaultyStore {
  /** For the option `s3` of a stack. */
  url: string;
  fault: Fault;
  /** Requests that are to go well before the first meets the fault. */
  spared: number;
  /** Requests that are still to meet the fault; then there is none. */
  faults: number;
  /** Requests that met a fault. */
  met: number;
  /** Their addresses. */
  metAt: string[];
  /** Part numbers, as the store was given them. */
  parts: number[];
  /** Ranges of objects that were asked for: from a byte on, up to another. */
  reads: { key: string; from: number; to: number }[];
  close(): Promise<void>;
}

/** Stands before the shared stack's object store. Signatures cover the Host header, so that one goes on as it came. */
export async function startFaultyStore({ connection: { s3 } }: Service): Promise<FaultyStore> {
  const upstream = new URL(s3.endpoint);
  const server = createServer((incoming, response) => {
    const fault = nextFault(store, incoming);
    const part = /[?&]partNumber=(\d+)/.exec(incoming.url ?? "")?.[1];
    if (fault === "none" && part && incoming.method === "PUT") store.parts.push(Number(part));
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(incoming.headers.range ?? "") ?? [];
    if (first && last) store.reads.push({ key: `${incoming.url}`, from: Number(first), to: Number(last) + 1 });
    const refuse = (status: number, code: string) => {
      incoming.resume();
      response.writeHead(status, { "content-type": "application/xml" });
      response.end(`<Error><Code>${code}</Code><Message>Please try again.</Message></Error>`);
    };
    if (fault === "refusing") refuse(503, "SlowDown");
    else if (fault === "denying") refuse(403, "AccessDenied");
    else if (fault === "failing") refuse(500, "InternalError");
    else if (fault === "hanging" || fault === "stalling") incoming.resume();
    else if (fault === "away" || fault === "unreadable") incoming.socket.destroy();
    else if (fault === "forgetting") forget(incoming, response);
    else if (fault === "slow") setTimeout(() => forward(incoming, response, upstream, fault), 1000);
    else forward(incoming, response, upstream, fault);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the store listens on no port");
  const keys = `${s3.accessKeyId}:${s3.secretAccessKey}`;
  const store: FaultyStore = {
    url: `http://${keys}@127.0.0.1:${address.port}/${s3.bucket}?region=${s3.region}`,
    fault: "none",
    spared: 0,
    faults: Number.POSITIVE_INFINITY,
    met: 0,
    metAt: [],
    parts: [],
    reads: [],
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return store;
}

/** What the request meets, counted. */
function nextFault(store: FaultyStore, incoming: IncomingMessage): Fault {
  if (store.fault === "none" || store.faults === 0 || !concerns(store.fault, incoming)) return "none";
  if (store.spared > 0) {
    store.spared -= 1;
    return "none";
  }
  store.faults -= 1;
  store.met += 1;
  store.metAt.push(incoming.url ?? "");
  return store.fault;
}

function concerns(fault: Fault, { method, url = "" }: IncomingMessage): boolean {
  if (fault === "unreadable") return method === "GET";
  if (fault === "misreading") return method === "GET" && url.includes("/artifacts/") && !url.includes("uploadId");
  return ["cutting", "altering", "stalling", "forgetting", "denying"].includes(fault) ? method === "PUT" : true;
}

function forget(incoming: IncomingMessage, response: ServerResponse): void {
  incoming.resume().on("end", () => response.writeHead(200, { etag: `"${"0".repeat(32)}"` }).end());
}

/** `heard` is awaited once the store has answered a request to which it is deaf. */
export function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  upstream: URL,
  fault: Fault,
  heard: () => Promise<unknown> = async () => {},
): void {
  const { method = "GET", url: path = "/", headers } = incoming;
  const outgoing = request({ host: upstream.hostname, port: upstream.port, method, path, headers, setHost: false });
  const give = () => incoming.socket.destroy();
  outgoing.on("error", give);
  outgoing.on("response", (answer) => {
    answer.on("error", give);
    if (fault === "deaf") {
      answer.resume().on("end", () => void heard().finally(give));
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    if (fault === "misreading") answer.on("data", (chunk) => flipSigns(chunk));
    answer.pipe(response);
  });
  incoming.on("error", () => outgoing.destroy());
  if (fault === "cutting") {
    incoming.once("data", (chunk) => {
      outgoing.write(chunk.subarray(0, chunk.length >> 1));
      outgoing.destroy();
    });
  } else if (fault === "altering") {
    incoming.on("data", (chunk) => {
      chunk[chunk.length >> 1] ^= 1;
      outgoing.write(chunk);
    });
    incoming.on("end", () => outgoing.end());
  } else incoming.pipe(outgoing);
}

/** Of what may be float32: it is as long as before, and says something else. */
function flipSigns(chunk: Buffer): void {
  for (let n = chunk.length >> 2; n < chunk.length - (chunk.length >> 2); n++) chunk[n] = Number(chunk[n]) ^ 0x80;
}
