import { type Context, openContext } from "../context.ts";
import type { Config } from "../env.ts";
import { describeFailure } from "../errors.ts";

const FIRST_RETRY_SECONDS = 2;
const LAST_RETRY_SECONDS = 300;

/**
 * Handles each message of a batch with a context of its own: done is acknowledged, a failure is tried again later.
 * A failure that stays is not lost when the queue gives up: the rows still say what is to do, the sweep reads them,
 * and the message is kept as a dead letter.
 */
export async function consume<Body>(
  config: Config,
  batch: MessageBatch<Body>,
  handle: (ctx: Context, messageId: string, body: Body) => Promise<void>,
): Promise<void> {
  for (const message of batch.messages) {
    await attempt(config, batch.queue, [message], (ctx) => handle(ctx, message.id, message.body));
  }
}

/** The same for messages that are all done by one run. */
export async function consumeTogether(
  config: Config,
  batch: MessageBatch<unknown>,
  run: (ctx: Context) => Promise<void>,
): Promise<void> {
  await attempt(config, batch.queue, batch.messages, run);
}

async function attempt(
  config: Config,
  queue: string,
  messages: readonly Message<unknown>[],
  run: (ctx: Context) => Promise<void>,
): Promise<void> {
  const { ctx, close } = openContext(config, messages[0]?.id ?? "");
  try {
    await run(ctx);
    for (const message of messages) message.ack();
  } catch (error) {
    const attempts = Math.max(...messages.map((message) => message.attempts));
    ctx.log("error", "message.failed", { queue, attempts, ...describeFailure(error) });
    for (const message of messages) {
      message.retry({ delaySeconds: Math.min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS ** message.attempts) });
    }
  } finally {
    await close();
  }
}
