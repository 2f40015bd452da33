import { setTimeout } from "node:timers/promises";
import type { Client } from "./client.ts";
import type { TrajectoryPoint, VerdictDocument } from "./documents.ts";

/**
 * Resolves with the verdict that has seen everything up to the trajectory's end, which is `step` or later. Throws where
 * the service got no further for `timeoutMs`; a long run may be evaluated for as long as it takes.
 */
export async function waitForVerdict(
  client: Client,
  modelId: string,
  step: number,
  { timeoutMs = 120_000, everyMs = 500 } = {},
): Promise<VerdictDocument> {
  let reached = "";
  let deadline = Date.now() + timeoutMs;
  for (;;) {
    const { last, evaluated } = await trajectoryEnd(client, modelId);
    const verdict = await client.getVerdict(modelId);
    const isEvaluated = last?.splits !== undefined && last.step >= step;
    if (isEvaluated && verdict.asOfStep === last.step) return verdict;
    const now = `${evaluated} checkpoints evaluated, the verdict as of step ${verdict.asOfStep}`;
    if (now !== reached) deadline = Date.now() + timeoutMs;
    reached = now;
    if (Date.now() >= deadline) {
      const missing = isEvaluated ? "" : `step ${step} is not evaluated; `;
      throw new Error(`no verdict on the whole run, and nothing new for ${timeoutMs / 1000} s: ${missing}${reached}`);
    }
    await setTimeout(everyMs);
  }
}

async function trajectoryEnd(
  client: Client,
  modelId: string,
): Promise<{ last: TrajectoryPoint | undefined; evaluated: number }> {
  let last: TrajectoryPoint | undefined;
  let evaluated = 0;
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const { points, next } = await client.getTrajectory(modelId, cursor);
    last = points.at(-1) ?? last;
    evaluated += points.filter(({ splits }) => splits !== undefined).length;
    cursor = next;
  }
  return { last, evaluated };
}
