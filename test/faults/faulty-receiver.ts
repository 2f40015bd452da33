import type { ServerResponse } from "node:http";
import { type Listener, startListener } from "../stack/listener.ts";

/** How a receiver answers: `late` is after the sender has given up, `hanging` is never, `gone` is 410. */
export const ANSWERS = ["ok", "failing", "busy", "dropping", "slow", "late", "hanging", "gone"] as const;
export type AnswerKind = (typeof ANSWERS)[number];

export interface Post {
  path: string;
  id: string;
  timestamp: string;
  signatures: string[];
  body: string;
}

export interface FaultyReceiver extends Listener {
  posts: Post[];
  /** By path, how the next posts are answered; then all is well. */
  next: Map<string, AnswerKind[]>;
  /** Asked once a post has been read, before it is answered and after. Where it is false, nothing is answered. */
  meet: (when: "before" | "after") => Promise<boolean>;
}

/** Longer than the sender's patience of the layer in one process. */
const LATE_MS = 250;
const SLOW_MS = 20;

/** A webhook's other end. It counts what it has read whole, however it answers: a sender cannot know. */
export async function startFaultyReceiver(): Promise<FaultyReceiver> {
  const posts: Post[] = [];
  const next = new Map<string, AnswerKind[]>();
  const respond = async (path: string, response: ServerResponse) => {
    if (!(await receiver.meet("before"))) return response.destroy();
    const end = (status: number) => response.writeHead(status).end();
    const answers: Record<AnswerKind, () => unknown> = {
      ok: () => end(204),
      failing: () => end(500),
      busy: () => response.writeHead(429, { "retry-after": "60" }).end(),
      dropping: () => response.destroy(),
      slow: () => setTimeout(end, SLOW_MS, 204),
      late: () => setTimeout(end, LATE_MS, 204),
      hanging: () => {},
      gone: () => end(410),
    };
    answers[next.get(path)?.shift() ?? "ok"]();
    return await receiver.meet("after");
  };
  const listener = await startListener(({ path, headers, body }, response) => {
    const { "webhook-id": id = "", "webhook-timestamp": timestamp = "", "webhook-signature": signed = "" } = headers;
    posts.push({ path, id, timestamp, signatures: signed.split(" "), body });
    respond(path, response).catch(() => response.destroy());
  });
  const receiver: FaultyReceiver = { ...listener, posts, next, meet: async () => true };
  return receiver;
}
