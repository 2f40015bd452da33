import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { Received } from "./receiver.ts";

export interface ScriptedReceiver {
  url(path: string): string;
  received(path: string): Received[];
  /** All of them, in the order in which they came. */
  all: Received[];
  /** How a path answers from now on; 204 where none is given. */
  on(path: string, answer: (response: ServerResponse, nth: number) => void): void;
  close(): Promise<void>;
}

/** A webhook's other end whose answers a test writes: slow, wrong, cut off or none. */
export async function startScriptedReceiver(): Promise<ScriptedReceiver> {
  const all: Received[] = [];
  const answers = new Map<string, (response: ServerResponse, nth: number) => void>();
  const server = createServer((incoming, response) => {
    text(incoming).then(
      (body) => {
        const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, `${value}`]));
        const path = incoming.url ?? "/";
        all.push({ path, headers, body });
        const answer = answers.get(path) ?? ((plain: ServerResponse) => plain.writeHead(204).end());
        answer(response, all.filter((one) => one.path === path).length);
      },
      () => response.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const port: number = Object(server.address()).port;
  return {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    received: (path) => all.filter((one) => one.path === path),
    all,
    on: (path, answer) => answers.set(path, answer),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
