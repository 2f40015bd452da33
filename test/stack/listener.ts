import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

export interface Received {
  path: string;
  headers: Record<string, string>;
  body: string;
}

export interface Listener {
  url(path: string): string;
  close(): Promise<void>;
}

/** A webhook's other end on this machine: hands over each request once its body has been read whole. */
export async function startListener(answer: (received: Received, response: ServerResponse) => void): Promise<Listener> {
  const server = createServer((incoming, response) => {
    text(incoming).then(
      (body) => {
        const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, `${value}`]));
        answer({ path: incoming.url ?? "/", headers, body }, response);
      },
      // The sender died while it sent: it will come again.
      () => response.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const port: number = Object(server.address()).port;
  return {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
