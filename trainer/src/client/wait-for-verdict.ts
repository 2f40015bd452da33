import { setTimeout } from "node:timers/promises";
import type { Client } from "./client.ts";
import type { TrajectoryPoint, VerdictDocument } from "./documents.ts";

/** Resolves with the verdict that has seen everything up to the trajectory's end, which is `step` or later. */
export async function waitForVerdict(
  client: Client,
  modelId: string,
  step: number,
  { timeoutMs = 120_000, everyMs = 500 } = {},
): Promise<VerdictDocument> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const last = await lastPoint(client, modelId);
    const verdict = await client.getVerdict(modelId);
    const evaluated = last?.splits !== undefined && last.step >= step;
    if (evaluated && verdict.asOfStep === last.step) return verdict;
    if (Date.now() >= deadline) {
      const reached = evaluated ? `the verdict stops at step ${verdict.asOfStep}` : `step ${step} is not evaluated`;
      throw new Error(`no verdict on the whole run after ${Math.round(timeoutMs / 1000)} s: ${reached}`);
    }
    await setTimeout(everyMs);
  }
}

async function lastPoint(client: Client, modelId: string): Promise<TrajectoryPoint | undefined> {
  let page = await client.getTrajectory(modelId);
  let last = page.points.at(-1);
  while (page.next !== null) {
    page = await client.getTrajectory(modelId, page.next);
    last = page.points.at(-1) ?? last;
  }
  return last;
}
