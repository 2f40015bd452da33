// Events of the recorded runs of others, of which the labels know where validation settled.
import { judge } from "../../src/phases/judge.ts";
import { type RecordedRun, readRecordedRuns } from "./recorded.ts";
import { emptyTally, shown, type Tally } from "./score.ts";
import { table } from "./table.ts";

/**
 * Recorded runs whose labels say what happened: one generalization that settles at the labelled step, or none. An event
 * is right if it settles within max(2, a tenth of the checkpoints since the fit) of that step. Runs that may have regressed are left out: their labels do not
 * say when.
 */
export function reportRecordedEvents(): string {
  const rows = (["develop", "report"] as const).map((half) => {
    const tally = emptyTally();
    const noise = emptyTally();
    for (const run of readRecordedRuns().filter((one) => one.half === half)) scoreRecorded(run, tally, noise);
    return [half, shown(tally), `${noise.found}`];
  });
  return table([["half", "events F1", "of the found, in runs without any"], ...rows]);
}

function scoreRecorded(run: RecordedRun, tally: Tally, noise: Tally): void {
  const none = run.allowed.every((verdict) => ["memorizer", "latent", "underfit"].includes(verdict));
  if (run.allowed.includes("regressed") || (run.settledStep === null && !none)) return;
  const { transitions } = judge(run.points, {});
  tally.found += transitions.length;
  if (run.settledStep === null) {
    noise.found += transitions.length;
    return;
  }
  tally.true += 1;
  const steps = run.points.map(({ step }) => step);
  const settled = steps.findIndex((step) => step >= (run.settledStep ?? 0));
  const fit = steps.findIndex((step) => step >= (run.fitStep ?? 0));
  const margin = Math.max(2, 0.1 * (settled - fit));
  const right = transitions.some(({ kind, settledStep }) => {
    if (kind !== "generalization" || settledStep === null) return false;
    return Math.abs(steps.indexOf(settledStep) - settled) <= margin;
  });
  if (right) tally.matched += 1;
}
