import type { Config } from "../env.ts";
import { deliverDue } from "../services/delivery/deliver-due.ts";
import { consumeTogether } from "./consume.ts";

/** The delivery queue: a message says that something is due, so one run does for all of a batch. */
export async function consumeDeliveries(config: Config, batch: MessageBatch<unknown>): Promise<void> {
  await consumeTogether(config, batch, async (ctx) => {
    const tally = await deliverDue(ctx, config.webhookUrls);
    if (tally.delivered + tally.failed > 0) ctx.log("info", "deliveries.worked", { ...tally });
  });
}
