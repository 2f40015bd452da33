import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import type { WorkerProcess } from "./worker.ts";

/** What a Worker's queue() or scheduled() came to, as workerd tells it. */
export interface Outcome {
  outcome: string;
  ackAll?: boolean;
  retryBatch?: { retry: boolean; delaySeconds?: number };
  explicitAcks?: string[];
  retryMessages?: { msgId: string; delaySeconds?: number }[];
}

/** Hands events to a Worker through its dispatcher. */
export interface Events {
  ping(signal: AbortSignal): Promise<void>;
  scheduled(cron: string): Promise<Outcome>;
  queue(queue: string, messages: WireMessage[]): Promise<Outcome>;
}

export interface WireMessage {
  id: string;
  timestamp: number;
  attempts: number;
  contentType: string;
  /** base64 */
  body: string;
}

export function eventsOf(worker: WorkerProcess, token: string): Events {
  const agent = new Agent({ keepAlive: false });
  // Not fetch: it gives up on an answer after five minutes, and an event may take longer.
  const call = async (path: string, body: unknown, signal?: AbortSignal): Promise<string> => {
    const port = await worker.ready();
    return await new Promise((resolve, reject) => {
      const outgoing = request(
        { host: "127.0.0.1", port, path, method: "POST", agent, headers: { authorization: token }, signal },
        (response) => {
          const status = response.statusCode ?? 0;
          text(response)
            .then((answer) => (status < 300 ? resolve(answer) : reject(new Error(`${path} answered ${status}`))))
            .catch(reject);
        },
      );
      outgoing.on("error", reject);
      outgoing.end(JSON.stringify(body));
    });
  };
  return {
    ping: async (signal) => void (await call("/ping", {}, signal)),
    scheduled: async (cron) => JSON.parse(await call("/scheduled", { cron })),
    queue: async (queue, messages) => JSON.parse(await call("/queue", { queue, messages })),
  };
}
