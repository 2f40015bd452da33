// npm run bench -- verdict-mismatches: each event of our own runs on which the detector and the labels differ, with the
// curve, so that the definitions can decide who is right.
import { judge } from "../../src/phases/judge.ts";
import { matchEvents } from "./score.ts";
import type { FoundEvent } from "./series.ts";
import { readTrainedRuns } from "./trained.ts";
import { counted, type LabelledEvent, splitsOf, type TrainedSplit } from "./trained-events.ts";

export function reportMismatches(): void {
  for (const run of readTrainedRuns()) {
    const verdict = judge(run.points, { chance: run.chance });
    for (const split of splitsOf(run, verdict)) process.stdout.write(mismatchesOf(split));
  }
}

/** Nothing where they agree. Places are indices of checkpoints; the curve is m in hundredths. */
function mismatchesOf({ run, split, series, truths, ours }: TrainedSplit): string {
  const counts = counted(ours, truths);
  const pairs = matchEvents(counts.found, counts.asked);
  const missed = new Set(counts.asked.filter((truth) => pairs.every(([, matched]) => matched !== truth)));
  const wrong = new Set(counts.found.filter((event) => pairs.every(([matched]) => matched !== event)));
  if (missed.size === 0 && wrong.size === 0) return "";
  const label = (one: LabelledEvent) =>
    `  label ${one.kind} ${one.onset}..${one.onset + one.ramp}${one.open ? " (open)" : ""}${missed.has(one) ? " missed" : ""}`;
  const told = (one: FoundEvent) =>
    `  told  ${one.kind} ${one.onset}, at ${one.detectedAt}${wrong.has(one) ? " wrong" : ""}`;
  const curve = series.m.map((m, i) => `${i % 10 === 0 ? `[${i}] ` : ""}${Math.round(100 * m)}`).join(" ");
  const head = `${run.name} ${split}, ${series.total} examples, ${run.paper ? "paper" : "known kind"}`;
  return `${[head, ...truths.map(label), ...ours.map(told), `  ${curve}`].join("\n")}\n\n`;
}
