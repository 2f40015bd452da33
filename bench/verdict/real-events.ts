// Events in real runs: the recorded ones, of which the labels know where validation settled, and this project's own,
// whose curves were read by a hindsight rule that shares no code with the detector (trainer/scripts/hindsight.ts).
import { judge } from "../../src/phases/judge.ts";
import { OURS, toFound } from "./ours.ts";
import { type RecordedRun, readRecordedRuns } from "./recorded.ts";
import { addTo, emptyTally, f1, matchEvents, type Tally, type Truth } from "./score.ts";
import type { Detector, FoundEvent, Series } from "./series.ts";
import { quantile, share, table } from "./table.ts";
import { readTrainedRuns, type TrainedRun } from "./trained.ts";

/** What is at the start of a log cannot be told from what was before it: neither asked for nor held against anyone. */
const CENSORED = 2;

/** m of one split of a run, by checkpoint. */
function seriesOf(points: TrainedRun["points"], split: string, chance: number): Series {
  const measured = points.filter(({ splits }) => splits[split] !== undefined);
  const rate = (point: (typeof points)[number], name: string) => {
    const result = point.splits[name];
    return result === undefined ? null : result.correct / result.total;
  };
  return {
    steps: measured.map(({ step }) => step),
    m: measured.map((point) => ((rate(point, split) ?? 0) - chance) / (1 - chance)),
    train: measured.map((point) => rate(point, "train")),
    total: measured[0]?.splits[split]?.total ?? 1,
  };
}

export function reportTrained(rivals: readonly Detector[]): string {
  const runs = readTrainedRuns();
  const detectors = [OURS.name, ...rivals.map(({ name }) => name)];
  const events = new Map(detectors.map((name) => [name, emptyTally()]));
  const losses = new Map(detectors.map((name) => [name, emptyTally()]));
  const confirmations: number[] = [];
  let [right, blind, sure, routes, routed] = [0, 0, 0, 0, 0];
  for (const run of runs) {
    const verdict = judge(run.points, { chance: run.chance });
    const told = verdict.kind === null ? verdict.verdict : `${verdict.verdict}:${verdict.kind}`;
    if (run.allowed.includes(told)) right += 1;
    // Where a small split allows a lower verdict too, that verdict decides whether validation would have passed it.
    if (run.allowed.length === 1) {
      sure += 1;
      if ((verdict.benchmarkBlind ?? false) === run.blind) blind += 1;
    }
    if (run.route !== null && verdict.verdict === "generalizer") {
      routed += 1;
      if (verdict.route === run.route) routes += 1;
    }
    for (const split of Object.keys(run.chance).filter((name) => name !== "train")) {
      const series = seriesOf(run.points, split, run.chance[split] ?? 0);
      const truths = truthsOf(run, split, series);
      const ours = verdict.transitions
        .filter((transition) => transition.split === split)
        .map((transition) => toFound(transition, series.steps));
      for (const [event, truth] of matchEvents(ours, truths)) {
        if (truth.kind === "regression") confirmations.push((event.detectedAt ?? 0) - truth.onset);
      }
      count(events, losses, OURS.name, ours, truths);
      for (const rival of rivals) count(events, losses, rival.name, rival.find(series), truths);
    }
  }
  const rows = detectors.map((name) => [name, shown(events.get(name)), shown(losses.get(name))]);
  return [
    `Verdicts ${share(right, runs.length)}, blind benchmarks ${share(blind, sure)}, routes ${share(routes, routed)}.`,
    `Losses were confirmed ${quantile(confirmations, 0.5)} checkpoints after their onset in the median, ${quantile(confirmations, 0.95)} at 95%.`,
    "",
    table([["detector", "events F1", "regressions F1"], ...rows]),
  ].join("\n");
}

const shown = (tally: Tally = emptyTally()): string =>
  `${f1(tally).toFixed(3)} (${tally.matched} of ${tally.true}, ${tally.found} found)`;

function count(
  events: Map<string, Tally>,
  losses: Map<string, Tally>,
  name: string,
  found: readonly FoundEvent[],
  truths: readonly Truth[],
): void {
  const matched = new Set(matchEvents(found, truths).map(([event]) => event));
  const counted = found.filter((event) => event.onset > CENSORED || matched.has(event));
  const isLoss = ({ kind }: { kind: string }) => kind === "regression";
  addTo(events.get(name) ?? emptyTally(), counted, truths);
  addTo(losses.get(name) ?? emptyTally(), counted.filter(isLoss), truths.filter(isLoss));
}

/** The labelled events of a split that are events by definition: only what was held at .5 can be lost, and to under .8. */
function truthsOf(run: TrainedRun, split: string, { steps, m }: Series): Truth[] {
  const level = (at: number) => quantile(m.slice(Math.max(0, at - 2), at + 3), 0.5);
  return run.events.flatMap(({ split: of, kind, onsetStep, settledStep }) => {
    if (of !== split) return [];
    const onset = steps.indexOf(onsetStep);
    const settled = Number.isNaN(settledStep) ? steps.length - 1 : steps.indexOf(settledStep);
    const lost = level(onset) >= 0.5 && level(Math.min(steps.length - 1, settled + 2)) < 0.8 * level(onset);
    return kind === "regression" && !lost ? [] : [{ kind, onset, ramp: settled - onset }];
  });
}

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
