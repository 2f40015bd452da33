// Whether the layers' statistics tell what the weight norm does not: which of the models that wait at the floor will
// cross, and whether a loss is under way. docs/structural-evidence.md says what came of it.
import { advance } from "../../src/phases/fold.ts";
import { begin, conclude, decidingOf, type Point } from "../../src/phases/judge.ts";
import { type Half, halfOf } from "./recorded.ts";
import { reportLosses } from "./structure-losses.ts";
import { logChanges, mean, median } from "./structure-series.ts";
import { share, table } from "./table.ts";
import { readTrainedRuns, type TrainedRun } from "./trained.ts";

/** A checkpoint with train fitted and every deciding split at its floor, before the last of them began to cross. */
interface Waiting {
  run: string;
  half: Half;
  transformer: boolean;
  /** Some deciding split crossed in hindsight; else none ever did. */
  willCross: boolean;
  latent: boolean;
  /** The last one in the first half of the interval from fit to crossing. */
  midway: boolean;
  signals: Record<string, number>;
}

/** Changes are over as many checkpoints as the detector's. */
const WINDOW = 10;

/** The higher, the more it should say that the model will cross. */
function signalsOf(points: readonly Point[], i: number, fit: number, deciding: readonly string[]) {
  const [now, before, fitted] = [points[i], points[i - WINDOW + 1], points[Math.max(0, fit)]];
  if (now === undefined || before === undefined || fitted === undefined) return null;
  const norms = logChanges(before, now, "norm");
  const losses = deciding.map((name) => Math.log((now.splits[name]?.loss ?? 1) / (before.splits[name]?.loss ?? 1)));
  const alphas = Object.values(now.layers ?? {}).flatMap(({ alpha }) => alpha ?? []);
  return {
    "norm of all weights falls": -Math.log((now.weightNorm ?? 1) / (before.weightNorm ?? 1)),
    "norm of the layer that falls most": -Math.min(...norms),
    "norm of the median layer falls": -median(norms),
    "share of layers whose norm falls": norms.filter((change) => change <= Math.log(0.99)).length / norms.length,
    "effective rank falls": -mean(logChanges(before, now, "effectiveRank")),
    "effective rank fell since the fit": -mean(logChanges(fitted, now, "effectiveRank")),
    "alpha falls": -median(logChanges(before, now, "alpha")),
    "alpha is low": -median(alphas),
    "norm falls, effective rank does not":
      -Math.log((now.weightNorm ?? 1) / (before.weightNorm ?? 1)) +
      Math.min(0, mean(logChanges(before, now, "effectiveRank"))),
    "not structure: loss on the deciding splits falls": -Math.max(...losses),
  };
}

function waitingOf(run: TrainedRun): Waiting[] {
  const state = begin({ chance: run.chance });
  const deciding = decidingOf(Object.keys(run.points[0]?.splits ?? {}));
  const crossings = run.events.filter(({ kind, split }) => kind === "generalization" && deciding.includes(split));
  const onsets = crossings.map(({ onsetStep }) => onsetStep);
  const crossing = onsets.length === 0 ? null : Math.min(...onsets);
  // A memorizer with a crossing in hindsight is neither.
  if (run.made === "memorizer" && crossing !== null) return [];
  const waiting: Waiting[] = [];
  for (const [i, point] of run.points.entries()) {
    advance(state, point);
    const { verdict } = conclude(state);
    if (verdict !== "memorizer" && verdict !== "latent") continue;
    if (crossing !== null && point.step > Math.max(...onsets)) continue;
    const fitStep = state.train.fit?.step ?? 0;
    const fit = run.points.findIndex(({ step }) => step === fitStep);
    const signals = signalsOf(run.points, i, fit, deciding);
    if (signals === null) continue;
    const early = crossing !== null && point.step <= (fitStep + crossing) / 2;
    const last = waiting.at(-1);
    if (early && last !== undefined) last.midway = false;
    waiting.push({
      run: run.name,
      half: halfOf(run.name),
      transformer: Object.keys(point.layers ?? {}).some((layer) => layer.includes("attention")),
      willCross: crossing !== null,
      latent: verdict === "latent",
      midway: early,
      signals,
    });
  }
  return waiting;
}

/** Probability that a checkpoint of a run that will cross scores higher than one of a run that never does. */
interface Auroc {
  value: number;
  low: number;
  high: number;
}

/** Every run counts alike, however many checkpoints it has; the interval is a bootstrap over runs. */
function aurocOf(waiting: readonly Waiting[], signal: string): Auroc {
  const runs = (willCross: boolean) =>
    [
      ...Map.groupBy(
        waiting.filter((one) => one.willCross === willCross && Number.isFinite(one.signals[signal])),
        ({ run }) => run,
      ).values(),
    ].map((own) => own.map(({ signals }) => signals[signal] ?? 0));
  const [positives, negatives] = [runs(true), runs(false)];
  const pairs = positives.map((ours) =>
    negatives.map((theirs) => mean(ours.flatMap((a) => theirs.map((b) => (a > b ? 1 : 0) + (a === b ? 0.5 : 0))))),
  );
  const random = uniform(1);
  const draw = (count: number) => Array.from({ length: count }, () => Math.floor(random() * count));
  const over = (rows: readonly number[], columns: readonly number[]) =>
    mean(rows.flatMap((row) => columns.map((column) => pairs[row]?.[column] ?? 0)));
  const values = Array.from({ length: 500 }, () => over(draw(positives.length), draw(negatives.length))).toSorted(
    (a, b) => a - b,
  );
  const value = over([...positives.keys()], [...negatives.keys()]);
  return { value, low: values[12] ?? Number.NaN, high: values[487] ?? Number.NaN };
}

/** Mulberry32: the same intervals every time. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const show = ({ value, low, high }: Auroc): string =>
  Number.isNaN(value) ? "none" : `${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;

const runsIn = (waiting: readonly Waiting[], willCross: boolean): number =>
  new Set(waiting.filter((one) => one.willCross === willCross).map(({ run }) => run)).size;

const GROUPS: [string, (one: Waiting) => boolean][] = [
  ["develop", ({ half }) => half === "develop"],
  ["report", ({ half }) => half === "report"],
  ["transformers", ({ transformer }) => transformer],
];

function reportSignals(waiting: readonly Waiting[]): string {
  const columns: [string, Waiting[]][] = [
    ...GROUPS.map(([name, holds]): [string, Waiting[]] => [name, waiting.filter(holds)]),
    ...GROUPS.map(([name, holds]): [string, Waiting[]] => [
      `${name}, latent today`,
      waiting.filter((one) => holds(one) && one.latent),
    ]),
  ];
  const heading = columns.map(([name, these]) => `${name}: ${runsIn(these, true)} / ${runsIn(these, false)}`);
  const rows = Object.keys(waiting[0]?.signals ?? {}).map((signal) => [
    signal,
    ...columns.map(([, these]) => show(aurocOf(these, signal))),
  ]);
  return table([["AUROC; runs that cross / never do", ...heading], ...rows]);
}

/** Whether a waiting checkpoint would be called `latent`; thresholds were chosen on the half for developing. */
const RULES: [string, (one: Waiting) => boolean][] = [
  ["norm of all weights (the detector)", ({ latent }) => latent],
  [
    "and effective rank not down by 2%",
    ({ latent, signals }) => latent && (signals["effective rank falls"] ?? 0) < -Math.log(0.98),
  ],
  ["and alpha above 3", ({ latent, signals }) => latent && (signals["alpha is low"] ?? 0) < -3],
  ["or some layer's norm down by 1%", (one) => one.latent || falls(one, "norm of the layer that falls most")],
  ["instead: the median layer's norm down by 1%", (one) => falls(one, "norm of the median layer falls")],
  [
    "not structure: and no deciding split's loss rises",
    ({ latent, signals }) => latent && (signals["not structure: loss on the deciding splits falls"] ?? 0) >= 0,
  ],
];

const falls = ({ signals }: Waiting, signal: string): boolean => (signals[signal] ?? 0) >= -Math.log(0.99);

function reportRules(waiting: readonly Waiting[]): string {
  const rows = GROUPS.flatMap(([group, holds]) => {
    const these = waiting.filter(holds);
    return RULES.map(([rule, says]) => {
      const called = (willCross: boolean) =>
        runsIn(
          these.filter((one) => says(one)),
          willCross,
        );
      const midway = these.filter((one) => one.midway);
      const never = these.filter(({ willCross }) => !willCross);
      return [
        group,
        rule,
        share(called(true), runsIn(these, true)),
        share(midway.filter((one) => says(one)).length, midway.length),
        share(called(false), runsIn(these, false)),
        share(never.filter((one) => says(one)).length, never.length),
        share(called(true), called(true) + called(false)),
      ];
    });
  });
  const heading = [
    "runs",
    "latent where",
    "recall: ever",
    "midway",
    "never cross, called so",
    "checkpoints",
    "precision",
  ];
  return table([heading, ...rows]);
}

/** Tables: signals by AUROC, the verdict `latent` with and without them, and what sees a regression first. */
export function benchStructure(): string {
  const runs = readTrainedRuns();
  const waiting = runs.flatMap(waitingOf);
  return [reportSignals(waiting), reportRules(waiting), reportLosses(runs)].join("\n\n");
}
