import { z } from "zod";
import type { Config } from "../env.ts";
import { deliver } from "../services/delivery/deliver.ts";
import { consume } from "./consume.ts";

const Message = z.object({ deliveryId: z.string() });

/** The delivery queue: each message is a hint that a delivery is due. */
export async function consumeDeliveries(config: Config, batch: MessageBatch<unknown>): Promise<void> {
  await consume(config, batch, async (ctx, body) => {
    const { deliveryId } = Message.parse(body);
    const outcome = await deliver(ctx, deliveryId);
    ctx.log("info", "delivery.worked", { deliveryId, outcome });
  });
}
