// Events and verdicts of this project's own runs, whose curves were read by a hindsight rule that shares no code with the
// detector (trainer/scripts/hindsight.ts).
import { judge, type Verdict } from "../../src/phases/judge.ts";
import { OURS, toFound } from "./ours.ts";
import { addTo, emptyTally, matchEvents, shown, type Tally, type Truth } from "./score.ts";
import type { Detector, FoundEvent, Series } from "./series.ts";
import { quantile, share, table } from "./table.ts";
import { readTrainedRuns, type TrainedRun } from "./trained.ts";

/** What is at the start of a log cannot be told from what was before it: neither asked for nor held against anyone. */
const CENSORED = 2;

/** An event of the labels; `open` where the definitions leave open whether it is one: neither asked for nor held against anyone. */
export interface LabelledEvent extends Truth {
  open: boolean;
}

/** One split of a run: its curve, its labels, and what our detector makes of it. */
export interface TrainedSplit {
  run: TrainedRun;
  split: string;
  series: Series;
  truths: LabelledEvent[];
  ours: FoundEvent[];
}

export function splitsOf(run: TrainedRun, { transitions }: Verdict): TrainedSplit[] {
  const splits = Object.keys(run.chance).filter((name) => name !== "train");
  return splits.map((split) => {
    const series = seriesOf(run.points, split, run.chance[split] ?? 0);
    const ours = transitions.filter((one) => one.split === split).map((one) => toFound(one, series.steps));
    return { run, split, series, truths: truthsOf(run, split, series), ours };
  });
}

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

function truthsOf(run: TrainedRun, split: string, { steps }: Series): LabelledEvent[] {
  const labelled = run.events.filter((event) => event.split === split);
  return labelled.map(({ kind, onsetStep, settledStep, doubtful }) => {
    const onset = steps.indexOf(onsetStep);
    const settled = Number.isNaN(settledStep) ? steps.length - 1 : steps.indexOf(settledStep);
    return { kind, onset, ramp: settled - onset, open: doubtful || onset <= CENSORED };
  });
}

/** What counts of the found and of the true events, once those are set aside that are open. */
export function counted(found: readonly FoundEvent[], truths: readonly LabelledEvent[]) {
  const asked = truths.filter(({ open }) => !open);
  const right = new Set(matchEvents(found, asked).map(([event]) => event));
  const others = found.filter((event) => !right.has(event));
  const openTruths = truths.filter(({ open }) => open);
  const excused = new Set(matchEvents(others, openTruths).map(([event]) => event));
  const wrong = others.filter((event) => !excused.has(event) && event.onset > CENSORED);
  return { asked, found: [...right, ...wrong] };
}

type Tallies = Map<string, { events: Tally; losses: Tally }>;

const isLoss = ({ kind }: { kind: string }) => kind === "regression";

function addSplit(tallies: Tallies, detector: string, found: readonly FoundEvent[], truths: readonly LabelledEvent[]) {
  const tally = tallies.get(detector) ?? { events: emptyTally(), losses: emptyTally() };
  tallies.set(detector, tally);
  const counts = counted(found, truths);
  addTo(tally.events, counts.found, counts.asked);
  addTo(tally.losses, counts.found.filter(isLoss), counts.asked.filter(isLoss));
}

/** All runs, and apart from each other those made to be of known kinds and those of what papers report. */
export function reportTrained(rivals: readonly Detector[]): string {
  const runs = readTrainedRuns();
  const groups: [string, TrainedRun[]][] = [
    ["all", runs],
    ["of known kinds", runs.filter(({ paper }) => !paper)],
    ["of papers", runs.filter(({ paper }) => paper)],
  ];
  const scores = groups.map(([name, group]) => ({ name, ...scoreRuns(group, rivals) }));
  const detectors = [OURS.name, ...rivals.map(({ name }) => name)];
  const eventRows = scores.flatMap(({ name, tallies }) =>
    detectors.map((detector) => {
      const tally = tallies.get(detector);
      return [name, detector, shown(tally?.events), shown(tally?.losses)];
    }),
  );
  return [
    table([
      ["runs", "verdicts", "blind benchmarks", "routes", "loss confirmed after"],
      ...scores.map(({ name, row }) => [name, ...row]),
    ]),
    "",
    table([["runs", "detector", "events F1", "regressions F1"], ...eventRows]),
  ].join("\n");
}

function scoreRuns(runs: readonly TrainedRun[], rivals: readonly Detector[]) {
  const tallies: Tallies = new Map();
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
    for (const { series, truths, ours } of splitsOf(run, verdict)) {
      for (const [event, truth] of matchEvents(ours, truths)) {
        if (isLoss(truth)) confirmations.push((event.detectedAt ?? 0) - truth.onset);
      }
      addSplit(tallies, OURS.name, ours, truths);
      for (const rival of rivals) addSplit(tallies, rival.name, rival.find(series), truths);
    }
  }
  const confirmed = [0.5, 0.95].map((at) => quantile(confirmations, at)).join(" / ");
  const row = [share(right, runs.length), share(blind, sure), share(routes, routed), confirmed];
  return { tallies, row };
}
