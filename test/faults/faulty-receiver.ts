import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

/** How a receiver answers: `late` is after the sender has given up, `hanging` is never. */
export const ANSWERS = ["ok", "failing", "busy", "dropping", "slow", "late", "hanging"] as const;
export type AnswerKind = (typeof ANSWERS)[number];

export interface Post {
  path: string;
  id: string;
  timestamp: string;
  signatures: string[];
  body: string;
}

export interface FaultyReceiver {
  url(path: string): string;
  posts: Post[];
  /** By path, how the next posts are answered; then all is well. */
  next: Map<string, AnswerKind[]>;
  close(): Promise<void>;
}

/** Longer than the sender's patience of this layer. */
const LATE_MS = 250;
const SLOW_MS = 20;

/** A webhook's other end. It counts what it has read whole, however it answers: a sender cannot know. */
export async function startFaultyReceiver(): Promise<FaultyReceiver> {
  const posts: Post[] = [];
  const next = new Map<string, AnswerKind[]>();
  const server = createServer((incoming, response) => {
    text(incoming).then(
      (body) => {
        const path = incoming.url ?? "/";
        const header = (name: string) => `${incoming.headers[name]}`;
        const signatures = header("webhook-signature").split(" ");
        posts.push({ path, id: header("webhook-id"), timestamp: header("webhook-timestamp"), signatures, body });
        const end = (status: number) => response.writeHead(status).end();
        const answers: Record<AnswerKind, () => unknown> = {
          ok: () => end(204),
          failing: () => end(500),
          busy: () => response.writeHead(429, { "retry-after": "60" }).end(),
          dropping: () => incoming.socket.destroy(),
          slow: () => setTimeout(end, SLOW_MS, 204),
          late: () => setTimeout(end, LATE_MS, 204),
          hanging: () => {},
        };
        answers[next.get(path)?.shift() ?? "ok"]();
      },
      () => response.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const port: number = Object(server.address()).port;
  return {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    posts,
    next,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
