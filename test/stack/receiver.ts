import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

export interface Received {
  path: string;
  headers: Record<string, string>;
  body: string;
}

export interface Receiver {
  url: string;
  received: Received[];
  /** By path, status codes of the next answers; afterwards it is 204 again. */
  answers: Map<string, number[]>;
  close(): Promise<void>;
}

/** A webhook's other end on this machine. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers = new Map<string, number[]>();
  const server = createServer((incoming, response) => {
    text(incoming).then(
      (body) => {
        const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, `${value}`]));
        const path = incoming.url ?? "/";
        received.push({ path, headers, body });
        const status = answers.get(path)?.shift() ?? 204;
        response.writeHead(status, status === 302 ? { location: "/elsewhere" } : {}).end();
      },
      // The sender died while it sent: it will come again.
      () => response.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the receiver listens on no port");
  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    received,
    answers,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
