import type { Config } from "../env.ts";
import { consumeDeadLetters } from "./dead-letters.ts";
import { consumeDeliveries } from "./deliveries.ts";

/** The API Worker's queues by the names of wrangler.toml; a deployment may put a prefix of its own before them. */
const CONSUMERS = [
  { ending: "-deliveries", consumer: consumeDeliveries },
  { ending: "-dead-letters", consumer: consumeDeadLetters },
];

/** @throws Error for a queue that this Worker knows nothing of: its messages are left alone */
export async function consumeBatch(config: Config, batch: MessageBatch<unknown>): Promise<void> {
  const found = CONSUMERS.find(({ ending }) => batch.queue.endsWith(ending));
  if (!found) throw new Error(`no consumer for the queue ${batch.queue}`);
  await found.consumer(config, batch);
}
