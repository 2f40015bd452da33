import type { Context } from "../../context.ts";
import type { Engine } from "../../evaluation/engine.ts";
import { drawEvaluation } from "./draw.ts";
import { type WorkOptions, type WorkOutcome, workEvaluation } from "./work.ts";

/**
 * Works on the evaluation of the team whose turn it is; where that comes to nothing, on the one hinted at. Each message
 * stands for some unit of work and not for its own, so a team that pushes a thousand checkpoints has its messages do
 * other teams' work in between.
 */
export async function workInTurn(
  ctx: Context,
  engine: Engine,
  hinted: string,
  options: WorkOptions,
): Promise<{ evaluationId: string; outcome: WorkOutcome }> {
  const drawn = (await drawEvaluation(ctx)) ?? hinted;
  const outcome = await workEvaluation(ctx, engine, drawn, options);
  if (outcome !== "nothing_to_do" || drawn === hinted) return { evaluationId: drawn, outcome };
  return { evaluationId: hinted, outcome: await workEvaluation(ctx, engine, hinted, options) };
}
