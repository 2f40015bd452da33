// Verdicts on the recorded runs: at the end of each log, and at three moments of those that grokked.
import { judge, type Verdict } from "../../src/phases/judge.ts";
import { type Half, type RecordedRun, readRecordedRuns } from "./recorded.ts";
import { share, table } from "./table.ts";

const HALVES: readonly Half[] = ["develop", "report"];
/** Sets of allowed verdicts with fewer runs are pooled. */
const POOLED = 5;
const MINIMUM = 12;

interface Judged {
  run: RecordedRun;
  verdict: Verdict;
  right: boolean;
}

export function reportRecordedVerdicts(): string {
  const judged = readRecordedRuns().map((run) => {
    const verdict = judge(run.points, {});
    return { run, verdict, right: run.allowed.includes(verdict.verdict) };
  });
  const rows = HALVES.map((half) => {
    const these = judged.filter(({ run }) => run.half === half);
    const right = these.filter((one) => one.right).length;
    return [half, macroOf(these).toFixed(3), share(right, these.length), ...routesOf(these), ...cutsOf(these)];
  });
  const wrong = judged.filter(({ right }) => !right).map(({ run, verdict }) => `${run.name}: ${verdict.verdict}`);
  const heading = [
    "half",
    "macro",
    "verdicts",
    "grokked called so",
    "smooth called grokked",
    "cut midway",
    "cut at m = .5",
    "cut after settling",
  ];
  return `${table([heading, ...rows])}\n\nNot among the allowed: ${wrong.join("; ")}.`;
}

/** Mean over the sets of allowed verdicts of the share that is right. */
function macroOf(judged: readonly Judged[]): number {
  const sets = Map.groupBy(judged, ({ run }) => run.allowed.join("|"));
  const pooled = [...sets.values()].filter((runs) => runs.length < POOLED).flat();
  const groups = [...sets.values()].filter((runs) => runs.length >= POOLED);
  if (pooled.length > 0) groups.push(pooled);
  const shares = groups.map((runs) => runs.filter(({ right }) => right).length / runs.length);
  return shares.reduce((sum, one) => sum + one, 0) / shares.length;
}

function routesOf(judged: readonly Judged[]): string[] {
  const of = (route: string) => judged.filter(({ run }) => run.route === route);
  const grokked = ({ verdict }: Judged) => verdict.route === "grokked";
  return ["grokked", "gradual"].map((route) => share(of(route).filter(grokked).length, of(route).length));
}

/** The last point of each cut, where the definitions let it be scored: enough checkpoints, and midway at the floor. */
function cutsOf(judged: readonly Judged[]): string[] {
  const cuts = { midway: [0, 0], half: [0, 0], after: [0, 0] };
  const score = (name: keyof typeof cuts, run: RecordedRun, last: number, allowed: readonly Verdict["verdict"][]) => {
    if (last + 1 < MINIMUM || last >= run.points.length) return;
    cuts[name][1] = (cuts[name][1] ?? 0) + 1;
    if (allowed.includes(judge(run.points.slice(0, last + 1), {}).verdict)) cuts[name][0] = (cuts[name][0] ?? 0) + 1;
  };
  for (const { run } of judged) {
    if (run.route !== "grokked" || run.fitStep === null || run.settledStep === null) continue;
    const m = run.points.map(({ splits }) => (splits["validation"]?.correct ?? 0) / (splits["validation"]?.total ?? 1));
    const indexOf = (step: number) => run.points.findIndex((point) => point.step >= step);
    const [fit, settled] = [indexOf(run.fitStep), indexOf(run.settledStep)];
    const onset = onsetOf(m, fit, settled);
    const midway = Math.floor((fit + onset) / 2);
    if (onset > fit && (m[midway] ?? 1) <= 0.1) score("midway", run, midway, ["memorizer", "latent"]);
    score(
      "half",
      run,
      m.findIndex((value) => value >= 0.5),
      ["transitioning"],
    );
    score("after", run, settled + 6, ["generalizer"]);
  }
  return [cuts.midway, cuts.half, cuts.after].map(([right = 0, all = 0]) => share(right, all));
}

/** By hindsight: the last checkpoint before settling whose median of 3 is within a tenth of the rise since the fit. */
function onsetOf(m: readonly number[], fit: number, settled: number): number {
  const from = m[fit] ?? 0;
  const smoothed = (i: number) => m.slice(Math.max(0, i - 1), i + 2).toSorted((a, b) => a - b)[1] ?? 0;
  let onset = settled;
  while (onset > fit && smoothed(onset) >= from + 0.1 * (1 - from)) onset -= 1;
  return onset;
}
