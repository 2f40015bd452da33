import { z } from "zod";
import type { Config } from "../env.ts";
import type { Engine } from "../evaluation/engine.ts";
import { workInTurn } from "../services/evaluation/turn.ts";
import { backfillModel } from "../services/model/backfill.ts";
import { verifyUpload } from "../services/upload/verify.ts";
import { consume } from "./consume.ts";

const Message = z.union([
  z.object({ evaluationId: z.string() }),
  z.object({ uploadId: z.string() }),
  z.object({ movedModelId: z.string() }),
]);

/**
 * The evaluation queue: each message is a hint that an evaluation has work, that an upload is to be read back, or that a
 * model has moved to another suite version.
 */
export async function consumeEvaluations(config: Config, engine: Engine, batch: MessageBatch<unknown>): Promise<void> {
  const { leaseSeconds } = config;
  await consume(config, batch, async (ctx, _messageId, body) => {
    const message = Message.parse(body);
    if ("uploadId" in message) {
      const outcome = await verifyUpload(ctx, message.uploadId, { leaseSeconds });
      ctx.log("info", "upload.worked", { ...message, outcome });
    } else if ("movedModelId" in message) {
      const outcome = await backfillModel(ctx, message.movedModelId);
      ctx.log("info", "move.worked", { ...message, outcome });
    } else {
      const { evaluationId, outcome } = await workInTurn(ctx, engine, message.evaluationId, { leaseSeconds });
      ctx.log("info", "evaluation.worked", { evaluationId, outcome });
    }
  });
}
