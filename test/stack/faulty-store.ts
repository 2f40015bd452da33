import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Service } from "./service.ts";

/**
 * What the store does wrong: `refusing` answers 503, `away` hangs up, `deaf` does as it is told and never says so,
 * `unreadable` hangs up on whoever reads.
 */
export type Fault = "none" | "refusing" | "away" | "deaf" | "unreadable";

export interface FaultyStore {
  /** For the option `s3` of a stack. */
  url: string;
  fault: Fault;
  close(): Promise<void>;
}

/** Stands before the shared stack's object store. Signatures cover the Host header, so that one goes on as it came. */
export async function startFaultyStore({ connection: { s3 } }: Service): Promise<FaultyStore> {
  const upstream = new URL(s3.endpoint);
  const server = createServer((incoming, response) => {
    const { fault } = store;
    if (fault === "refusing") {
      incoming.resume();
      response.writeHead(503, { "content-type": "application/xml" });
      response.end("<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>");
    } else if (fault === "away" || (fault === "unreadable" && incoming.method === "GET")) {
      incoming.socket.destroy();
    } else {
      forward(incoming, response, upstream, fault === "deaf");
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the store listens on no port");
  const keys = `${s3.accessKeyId}:${s3.secretAccessKey}`;
  const store: FaultyStore = {
    url: `http://${keys}@127.0.0.1:${address.port}/${s3.bucket}?region=${s3.region}`,
    fault: "none",
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return store;
}

function forward(incoming: IncomingMessage, response: ServerResponse, upstream: URL, deaf: boolean): void {
  const { method = "GET", url: path = "/", headers } = incoming;
  const outgoing = request({ host: upstream.hostname, port: upstream.port, method, path, headers, setHost: false });
  const give = () => incoming.socket.destroy();
  outgoing.on("error", give);
  outgoing.on("response", (answer) => {
    answer.on("error", give);
    if (deaf) {
      answer.resume().on("end", give);
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  incoming.on("error", () => outgoing.destroy());
  incoming.pipe(outgoing);
}
