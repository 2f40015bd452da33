import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Came, Wait } from "./receiver-process.ts";

export interface Receiver {
  url: string;
  /** The time at which the last of these events came. One wait at a time. */
  all(eventIds: readonly string[]): Promise<number>;
  /** The first event whose body holds this text. */
  first(text: string): Promise<{ at: number; body: string }>;
  close(): void;
}

export async function startReceiver(): Promise<Receiver> {
  const child = fork(join(import.meta.dirname, "receiver-process.ts"));
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return {
    url: `http://127.0.0.1:${port}/`,
    all: async (events) => (await ask(child, { events: [...events] })).at,
    async first(text) {
      const { at, body } = await ask(child, { text });
      return { at, body: body ?? "" };
    },
    close: () => child.disconnect(),
  };
}

async function ask(child: ChildProcess, wait: Wait): Promise<Came> {
  child.send(wait);
  const [came] = (await once(child, "message")) as [Came];
  return came;
}
