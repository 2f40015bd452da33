import { z } from "zod";
import type { Config } from "../env.ts";
import type { Engine } from "../evaluation/engine.ts";
import { workEvaluation } from "../services/evaluation/work.ts";
import { consume } from "./consume.ts";

const Message = z.object({ evaluationId: z.string() });

/** The evaluation queue: each message is a hint that an evaluation has work. */
export async function consumeEvaluations(config: Config, engine: Engine, batch: MessageBatch<unknown>): Promise<void> {
  await consume(config, batch, async (ctx, body) => {
    const { evaluationId } = Message.parse(body);
    const outcome = await workEvaluation(ctx, engine, evaluationId, { leaseSeconds: config.leaseSeconds });
    ctx.log("info", "evaluation.worked", { evaluationId, outcome });
  });
}
