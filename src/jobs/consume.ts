import { type Context, openContext } from "../context.ts";
import type { Config } from "../env.ts";
import { describeFailure } from "../errors.ts";

const FIRST_RETRY_SECONDS = 2;
const LAST_RETRY_SECONDS = 300;

/**
 * Handles each message of a batch with a context of its own: done is acknowledged, a failure is tried again later.
 * A failure that stays is not lost when the queue gives up: the rows still say what is to do, and the sweep reads them.
 */
export async function consume<Body>(
  config: Config,
  batch: MessageBatch<Body>,
  handle: (ctx: Context, body: Body) => Promise<void>,
): Promise<void> {
  for (const message of batch.messages) {
    const { ctx, close } = openContext(config, message.id);
    try {
      await handle(ctx, message.body);
      message.ack();
    } catch (error) {
      ctx.log("error", "message.failed", {
        queue: batch.queue,
        attempts: message.attempts,
        ...describeFailure(error),
      });
      message.retry({ delaySeconds: Math.min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS ** message.attempts) });
    } finally {
      await close();
    }
  }
}
