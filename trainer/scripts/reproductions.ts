// What the literature reports, made again at the size of two CPU cores: the runs, and what is read off them.
import { collection } from "./collection.ts";
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
  seen(runs: Runs): string[];
}

export type Runs = ReadonlyMap<string, Recorded>;

const each = (runs: Runs, say: (name: string, run: Recorded) => string): string[] =>
  [...runs].map(([name, run]) => say(name, run));

/** The first checkpoint at or above the level, as a phrase. */
const reached = (run: Recorded, split: string, level: number): string => {
  const step = run.firstStep(split, level);
  return step === null
    ? `${split} never reaches ${level} (${run.last(split).toFixed(2)} at ${run.end})`
    : `${split} reaches ${level} at ${step}`;
};

/** Runs that the verdict's benchmark has too, by how their names begin. */
const inCollection = (prefix: string): Record<string, string> => {
  const named = collection.filter(({ name }) => name.startsWith(prefix));
  if (named.length === 0) throw new Error(`the collection has no run whose name begins with ${prefix}`);
  return Object.fromEntries(named.map(({ name, flags }) => [name, flags]));
};

const transformer = "--network transformer --learning-rate 0.005 --decay-floor 1";
const grid = { rates: ["0.001", "0.01", "0.1"], decays: ["0", "0.1", "1", "10"] };
/** Updates between fitting train and validation that make it grokking; Liu et al. have 1,000 for longer runs. */
const LATE = 200;

/** When train is fitted, and when validation follows. */
const fitAndFollow = (runs: Runs): string[] =>
  each(runs, (name, run) => `${name}: ${reached(run, "train", 0.99)}, ${reached(run, "validation", 0.95)}`);

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
    seen: fitAndFollow,
  },
  {
    source: "Power et al. 2022 with two layers, arXiv 2201.02177",
    reported: "the delayed jump, in a decoder of two layers with LayerNorm, batches and warm-up",
    here: "a / b mod 31 instead of 97, width 64 instead of 128, rate .005, 1,500 updates",
    runs: inCollection("power-two-layers"),
    seen: fitAndFollow,
  },
  {
    source: "Power et al. 2022 on S5, arXiv 2201.02177",
    reported: "the delayed jump on the composition of permutations of five, and sooner with more data",
    here: "an MLP with embeddings of 128 and 512 hidden units instead of the decoder of two blocks, rate .002; batches of 512 and decay as theirs",
    runs: inCollection("s5-"),
    seen: fitAndFollow,
  },
  {
    source: "Nanda et al. 2023, arXiv 2301.05217",
    reported:
      "the test loss falls at last, and sooner with more data: below 3e-6 at 9,000 updates for .3 of the pairs, at 1,618 for .5",
    here: "a + b mod 47 instead of 113, width 64 instead of 128, rate .005; one layer without LayerNorm and full batches as theirs",
    runs: inCollection("nanda-"),
    seen: (runs) =>
      each(runs, (name, run) => {
        const losses = run.column("validation_loss");
        const [highest, lowest] = [Math.max(...losses), Math.min(...losses)];
        const at = (loss: number) => run.steps[losses.indexOf(loss)];
        const loss = `validation loss ${highest.toFixed(1)} at ${at(highest)}, ${lowest.toExponential(1)} at ${at(lowest)}`;
        return `${name}: ${reached(run, "train", 0.99)}, ${reached(run, "validation", 0.95)}; ${loss}`;
      }),
  },
  {
    source: "Liu et al. 2022 (Omnigrok), arXiv 2210.01117",
    reported:
      "with large initial weights a digit classifier fits 1,000 images long before it knows others; from .89 on nothing more comes",
    here: "14 x 14 pixels, the first of the two hidden layers of 200 without a ReLU; decay .1 instead of .01 over 12,000 updates instead of 100,000, the product nearly the same; then the usual initial weights",
    runs: inCollection("omnigrok-"),
    seen: (runs) =>
      each(runs, (name, run) => `${name}: ${reached(run, "train", 0.99)}, ${reached(run, "validation", 0.85)}`),
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
      "amplifying the slow part of the gradient (alpha .98, lambda 2): 95% validation at 910 steps instead of 39,890. Their published commands (ironjr/grokfast) have an L2 penalty of .005 beside the filter, and no penalty in the run without it",
    here: "a * b mod 31 instead of mod 97, two blocks of width 64 instead of 128, LayerNorm after each addition, .6 of the pairs instead of .5, batches of 128 instead of 512; Adam, rate, alpha and lambda as theirs. Beside their two runs, the filter alone and the penalty alone, and the last two once more from another seed: both together reach early what neither reaches by 15,000, and the penalty alone does nearly as much or more, so that the filter's own share is not shown here. Then a + b mod 31 in one block without LayerNorm, at three penalties",
    runs: { ...inCollection("grokfast-two-blocks-"), ...inCollection("grokfast-penalty-") },
    seen: fitAndFollow,
  },
  {
    source: "Prieto et al. 2025, arXiv 2501.04697",
    reported: "without weight decay softmax collapses and nothing groks; StableMax and the orthogonal gradient cure it",
    here: "a + b mod 47 instead of 113, embeddings and one hidden layer instead of two of 200, full batch, no weight decay, Adam's epsilon 1e-25 as theirs. There StableMax alone did not do it in 12,000 updates (theirs: 80,000). On their second task, the parity of 3 of 43 bits from 1,000 examples, two hidden layers of 128 after a linear one, it does",
    runs: {
      ...Object.fromEntries(
        [
          ["plain", "--steps 2000 --every 20"],
          ["stablemax", "--steps 12000 --every 100 --loss stablemax"],
          ["orthogonal", "--steps 2000 --every 20 --gradient-filter orthogonal"],
        ].map(([name, flags]) => [
          `prieto-${name}`,
          `--weight-decay 0 --decay-floor 1 --corner-side 3 --mirror-pairs 40 --epsilon 1e-25 --beta2 0.999 ${flags}`,
        ]),
      ),
      ...inCollection("prieto-parity-"),
    },
    seen: fitAndFollow,
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
  {
    source: "Prakash and Martin 2025 (anti-grokking), arXiv 2506.04434",
    reported:
      "without weight decay, trained on to 10^7 updates, a digit classifier keeps train and loses test again; the L2 norm does not tell, alpha does",
    here: "200 digits of 14 x 14 pixels instead of 1,000 of 28 x 28, widths 50 instead of 200, the usual initial weights, 10,000 updates at .02 with beta2 .9, which move the weights far, instead of 10^7. Validation is high from the start, so what is seen is the loss alone. The norm rises all along; two of the four layers' alphas fall below 2, most of the way before the loss",
    runs: inCollection("antigrok-"),
    seen: (runs) =>
      each(runs, (name, run) => {
        const validation = run.accuracy("validation");
        const best = validation.indexOf(Math.max(...validation));
        const [from, to] = [run.steps[best] ?? 0, run.end];
        const move = (column: string, digits: number) => {
          const values = run.column(column);
          return `${(values[best] ?? Number.NaN).toFixed(digits)} to ${(values.at(-1) ?? Number.NaN).toFixed(digits)}`;
        };
        const ood = run.splits.filter((split) => split.startsWith("ood:"));
        const lost = ["validation", ...ood].map(
          (split) => `${split} ${run.at(split, from).toFixed(2)} to ${run.last(split).toFixed(2)}`,
        );
        const alphas = run.columns.filter((column) => column.endsWith("_alpha")).map((column) => move(column, 2));
        const train = Math.min(...run.accuracy("train").slice(best));
        return `${name}: from the best validation, at ${from}, to ${to}: ${lost.join(", ")}; train at least ${train.toFixed(3)}; L2 norm ${move("weight_norm", 1)}; alpha by layer ${alphas.join(", ")}`;
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
