import type { Config } from "../env.ts";
import { keepDeadLetter } from "../services/dead-letter/keep.ts";
import { consume } from "./consume.ts";

/** The dead-letter queue of the others: what they gave up is written down. */
export async function consumeDeadLetters(config: Config, batch: MessageBatch<unknown>): Promise<void> {
  await consume(config, batch, keepDeadLetter);
}
