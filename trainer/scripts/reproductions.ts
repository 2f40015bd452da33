// What the literature reports, made again at the size of two CPU cores: the runs, and what is read off them.
import type { Recorded } from "./recorded.ts";

export interface Reproduction {
  readonly source: string;
  /** What the paper reports. */
  readonly reported: string;
  /** What is the same here, and what is smaller or different. */
  readonly here: string;
  /** Flags of `record` by the run's name. */
  readonly runs: Readonly<Record<string, string>>;
  /** What was seen, a line each. */
  seen(runs: ReadonlyMap<string, Recorded>): string[];
}

const each = (runs: ReadonlyMap<string, Recorded>, say: (name: string, run: Recorded) => string): string[] =>
  [...runs].map(([name, run]) => say(name, run));

/** The first checkpoint at or above the level, as a phrase. */
const reached = (run: Recorded, split: string, level: number): string => {
  const step = run.firstStep(split, level);
  return step === null
    ? `${split} never reaches ${level} (${run.last(split).toFixed(2)} at ${run.end})`
    : `${split} reaches ${level} at ${step}`;
};

const transformer = "--network transformer --learning-rate 0.005 --decay-floor 1";
const grid = { rates: ["0.001", "0.01", "0.1"], decays: ["0", "0.1", "1", "10"] };
/** Updates between fitting train and validation that make it grokking; Liu et al. have 1,000 for longer runs. */
const LATE = 200;

export const reproductions: readonly Reproduction[] = [
  {
    source: "Power et al. 2022, arXiv 2201.02177",
    reported: "validation jumps long after train is fitted, and sooner with more data",
    here: "a + b mod 47 instead of 97, one layer of width 64 instead of two of 128, full batch, rate .005",
    runs: Object.fromEntries(
      ["0.4", "0.5", "0.75"].map((share) => [
        `power-share-${share}`,
        `${transformer} --train-share ${share} --corner-side 3 --mirror-pairs 40 --steps 1000 --every 10`,
      ]),
    ),
    seen: (runs) =>
      each(runs, (name, run) => `${name}: ${reached(run, "train", 0.99)}, ${reached(run, "validation", 0.95)}`),
  },
  {
    source: "Gromov 2023, arXiv 2301.02679",
    reported: "two layers with a quadratic activation and squared error learn p = 97 from half of the pairs, to 100%",
    here: "the same network and loss, 500 hidden units, AdamW at .005",
    runs: {
      "gromov-p97":
        "--network quadratic --loss squared-error --modulus 97 --hidden 500 --learning-rate 0.005 --decay-floor 1 --corner-side 0 --mirror-pairs 0 --steps 400 --every 5",
    },
    seen: (runs) =>
      each(runs, (name, run) => `${name}: ${reached(run, "train", 0.99)}, ${reached(run, "validation", 1)}`),
  },
  {
    source: "Liu et al. 2022, arXiv 2205.10343",
    reported:
      "weight decay and learning rate divide the plane into comprehension, grokking, memorization and confusion",
    here: `a + b mod 31, MLP, 1,500 updates; grokking is a gap of ${LATE} updates or more between 90% on train and on validation, theirs is 1,000`,
    runs: Object.fromEntries(
      grid.rates.flatMap((rate) =>
        grid.decays.map((decay) => [
          `liu-rate-${rate}-decay-${decay}`,
          `--modulus 31 --hidden 128 --corner-side 4 --mirror-pairs 60 --train-share 0.6 --decay-floor 1 --learning-rate ${rate} --weight-decay ${decay} --steps 1500 --every 20`,
        ]),
      ),
    ),
    seen: (runs) => [
      `| rate \\ decay | ${grid.decays.join(" | ")} |`,
      `| --- | ${grid.decays.map(() => "---").join(" | ")} |`,
      ...grid.rates.map((rate) => {
        const outcomes = grid.decays.map((decay) => outcomeOf(runs.get(`liu-rate-${rate}-decay-${decay}`)));
        return `| ${rate} | ${outcomes.join(" | ")} |`;
      }),
    ],
  },
  {
    source: "Lee et al. 2024 (Grokfast), arXiv 2405.20233",
    reported:
      "amplifying the slow part of the gradient (alpha .98, lambda 2): 95% validation at 910 steps instead of 39,890",
    here: "a + b mod 47, one-layer transformer, rate .001, decay .1; alpha .98 and lambda 2 as theirs",
    runs: Object.fromEntries(
      ["none", "grokfast-ema"].map((filter) => [
        `grokfast-${filter}`,
        `--network transformer --learning-rate 0.001 --decay-floor 1 --weight-decay 0.1 --gradient-filter ${filter} --corner-side 3 --mirror-pairs 40 --steps 1200 --every 20`,
      ]),
    ),
    seen: (runs) =>
      each(runs, (name, run) => `${name}: ${reached(run, "train", 0.99)}, ${reached(run, "validation", 0.95)}`),
  },
  {
    source: "Prieto et al. 2025, arXiv 2501.04697",
    reported: "without weight decay softmax collapses and nothing groks; StableMax and the orthogonal gradient cure it",
    here: "a + b mod 47 instead of 113, embeddings and one hidden layer instead of two of 200, full batch, no weight decay",
    runs: Object.fromEntries(
      [
        ["plain", ""],
        ["stablemax", " --loss stablemax"],
        ["orthogonal", " --gradient-filter orthogonal"],
      ].map(([name, flags]) => [
        `prieto-${name}`,
        `--weight-decay 0 --decay-floor 1 --corner-side 3 --mirror-pairs 40 --steps 2000 --every 20${flags}`,
      ]),
    ),
    seen: (runs) =>
      each(runs, (name, run) => `${name}: ${reached(run, "train", 0.99)}, ${reached(run, "validation", 0.95)}`),
  },
  {
    source: "Varma et al. 2023, arXiv 2309.02390",
    reported:
      "trained on, after grokking, with less data than a critical size, a network ungroks: train stays, test is lost",
    here: "a + b mod 47, MLP; the training set shrinks at step 1,000",
    runs: Object.fromEntries(
      ["0.8", "0.6", "0.45", "0.3"].map((share) => [
        `varma-to-${share}`,
        `--decay-floor 1 --corner-side 3 --mirror-pairs 40 --train-used 0:1,1000:${share} --steps 2400 --every 25`,
      ]),
    ),
    seen: (runs) =>
      each(runs, (name, run) => {
        const before = run.at("validation", 1000).toFixed(2);
        return `${name}: validation ${before} at 1000, ${run.last("validation").toFixed(2)} at ${run.end}; train ${run.last("train").toFixed(2)}`;
      }),
  },
];

function outcomeOf(run: Recorded | undefined): string {
  if (run === undefined) return "";
  const [train, validation] = [run.firstStep("train", 0.9), run.firstStep("validation", 0.9)];
  if (train === null) return "confusion";
  if (validation === null) return "memorization";
  return validation - train < LATE ? "comprehension" : "grokking";
}
