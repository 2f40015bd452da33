import type { ServerResponse } from "node:http";
import { type Listener, type Received, startListener } from "./listener.ts";

export interface ScriptedReceiver extends Listener {
  received(path: string): Received[];
  /** All of them, in the order in which they came. */
  all: Received[];
  /** How a path answers from now on; 204 where none is given. */
  on(path: string, answer: (response: ServerResponse, nth: number) => void): void;
}

/** A webhook's other end whose answers a test writes: slow, wrong, cut off or none. */
export async function startScriptedReceiver(): Promise<ScriptedReceiver> {
  const all: Received[] = [];
  const answers = new Map<string, (response: ServerResponse, nth: number) => void>();
  const listener = await startListener((received, response) => {
    all.push(received);
    const answer = answers.get(received.path) ?? ((plain: ServerResponse) => plain.writeHead(204).end());
    answer(response, all.filter(({ path }) => path === received.path).length);
  });
  return {
    ...listener,
    received: (path) => all.filter((one) => one.path === path),
    all,
    on: (path, answer) => answers.set(path, answer),
  };
}
