import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { buffer, json } from "node:stream/consumers";
import { messageOf } from "./errors.ts";
import type { Outcome, WireMessage } from "./events.ts";
import { randomSecret } from "./secrets.ts";
import { QUEUE_HEADER, SENDER_HEADER } from "./workerd-config.ts";

export interface Consumer {
  maxBatchSize: number;
  maxRetries: number;
  retryDelaySeconds: number;
  /** Where messages go that failed too often; null where they are dropped. */
  deadLetterQueue: string | null;
  /** Batches in progress at the same time. */
  concurrency: number;
  /** Rejects when the Worker dies under it. */
  consume(messages: WireMessage[]): Promise<Outcome>;
}

export interface Queues {
  /** Where workerd's queue bindings send to: `host:port`. */
  address: string;
  consume(queue: string, consumer: Consumer): void;
  close(): void;
}

/** Asked twice of each message that a Worker sends, by the Worker's name: before it is taken and after. */
export type OnSend = (worker: string, when: "before" | "after") => Promise<unknown>;

/** A batch waits this long for company: enough for what one event sends, and nobody notices. */
const LINGER_MS = 5;
/** So that a Worker on its way out does not use up a message's attempts by refusing connections. */
const AFTER_DEATH_SECONDS = 0.25;
/** Rows are the truth and the sweep finds what is lost here, so a backlog beyond this is dropped. */
const BACKLOG = 20_000;

/**
 * The queues of both Workers, in this process's memory: each Worker has its own workerd, so a message crosses from
 * one to the other here. As in production a message may come twice; unlike there, it is lost when this process ends.
 */
export async function startQueues(token: string, log: (line: string) => void, onSend?: OnSend): Promise<Queues> {
  const queues = new Map<string, Queue>();
  const queueOf = (name: string): Queue => {
    const queue = queues.get(name) ?? new Queue(name, log, (other, message) => queueOf(other).add(message, 0));
    queues.set(name, queue);
    return queue;
  };
  const server = createServer((incoming, response) => {
    receive(incoming, token)
      .then(async ({ name, messages }) => {
        const sender = `${incoming.headers[SENDER_HEADER]}`;
        await onSend?.(sender, "before");
        for (const { message, delaySeconds } of messages) queueOf(name).add(message, delaySeconds);
        await onSend?.(sender, "after");
        response.writeHead(200, { "content-type": "application/json" });
        const metrics = { backlogCount: 0, backlogBytes: 0, oldestMessageTimestamp: 0 };
        response.end(JSON.stringify({ metadata: { metrics } }));
      })
      .catch((error: unknown) => response.writeHead(400).end(messageOf(error)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the queues listen on no port");
  return {
    address: `127.0.0.1:${address.port}`,
    consume: (name, consumer) => queueOf(name).attach(consumer),
    close() {
      for (const queue of queues.values()) queue.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

interface Received {
  message: WireMessage;
  delaySeconds: number;
}

/** workerd turns send() into POST /message and sendBatch() into POST /batch. */
async function receive(incoming: IncomingMessage, token: string): Promise<{ name: string; messages: Received[] }> {
  const { headers } = incoming;
  const name = headers[QUEUE_HEADER];
  if (headers.authorization !== token || typeof name !== "string") throw new Error("not one of our Workers");
  const delay = Number(headers["x-msg-delay-secs"] ?? 0);
  const make = (body: string, contentType: string | undefined, delaySeconds: number): Received => ({
    message: { id: randomSecret(16), timestamp: Date.now(), attempts: 0, contentType: contentType ?? "v8", body },
    delaySeconds,
  });
  if (incoming.url?.endsWith("/batch")) {
    const batch = (await json(incoming)) as {
      messages: { contentType?: string; delaySecs?: number; body: string }[];
    };
    return {
      name,
      messages: batch.messages.map((one) => make(one.body, one.contentType, one.delaySecs ?? delay)),
    };
  }
  const body = (await buffer(incoming)).toString("base64");
  return { name, messages: [make(body, headers["x-msg-fmt"]?.toString(), delay)] };
}

class Queue {
  readonly #name: string;
  readonly #log: (line: string) => void;
  readonly #forward: (queue: string, message: WireMessage) => void;
  readonly #waiting: WireMessage[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #consumer: Consumer | undefined;
  #running = 0;
  #lingering = false;
  #closed = false;

  constructor(name: string, log: (line: string) => void, forward: (queue: string, message: WireMessage) => void) {
    this.#name = name;
    this.#log = log;
    this.#forward = forward;
  }

  attach(consumer: Consumer): void {
    this.#consumer = consumer;
    this.#pump();
  }

  add(message: WireMessage, delaySeconds: number): void {
    if (delaySeconds > 0) {
      this.#after(delaySeconds * 1000, () => this.add(message, 0));
    } else if (this.#waiting.length < BACKLOG) {
      this.#waiting.push(message);
      if (this.#consumer !== undefined && this.#waiting.length >= this.#consumer.maxBatchSize) this.#pump();
      else this.#linger();
    }
  }

  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #linger(): void {
    if (this.#lingering) return;
    this.#lingering = true;
    this.#after(LINGER_MS, () => {
      this.#lingering = false;
      this.#pump();
    });
  }

  #pump(): void {
    const consumer = this.#consumer;
    while (!this.#closed && consumer && this.#running < consumer.concurrency && this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, consumer.maxBatchSize);
      this.#running++;
      this.#deliver(batch, consumer)
        .catch((error: unknown) => this.#log(`queue ${this.#name}: ${messageOf(error)}`))
        .finally(() => {
          this.#running--;
          this.#pump();
        });
    }
  }

  async #deliver(batch: WireMessage[], consumer: Consumer): Promise<void> {
    const messages = batch.map((message) => ({ ...message, attempts: message.attempts + 1 }));
    const outcome = await consumer.consume(messages).catch((): Outcome => ({ outcome: "died" }));
    const failed = outcome.outcome !== "ok";
    const asked = new Map(outcome.retryMessages?.map(({ msgId, delaySeconds }) => [msgId, delaySeconds]));
    const acknowledged = new Set(outcome.explicitAcks);
    for (const message of messages) {
      const again = asked.has(message.id) || ((failed || outcome.retryBatch?.retry === true) && !outcome.ackAll);
      if (!again || acknowledged.has(message.id)) continue;
      if (message.attempts > consumer.maxRetries) {
        this.#log(`queue ${this.#name}: a message is given up after ${message.attempts} attempts`);
        if (consumer.deadLetterQueue) this.#forward(consumer.deadLetterQueue, { ...message, attempts: 0 });
        continue;
      }
      const soonest = outcome.outcome === "died" ? AFTER_DEATH_SECONDS : 0;
      const delay = asked.get(message.id) ?? outcome.retryBatch?.delaySeconds ?? consumer.retryDelaySeconds;
      this.add(message, Math.max(soonest, delay));
    }
  }

  #after(milliseconds: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, milliseconds);
    this.#timers.add(timer);
  }
}
