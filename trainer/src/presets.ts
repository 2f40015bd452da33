// Settings named after the papers that they are from: first at full size, then at one that two cores reach.
import type { Settings } from "./settings.ts";
import { always } from "./stepwise.ts";

export interface Preset {
  readonly source: string;
  /** What is not as in the paper; in the small ones, what was shrunk. */
  readonly differs: string;
  readonly settings: Partial<Settings>;
}

/** A corner and a few mirrors, small enough that the paper's share of the table is left to train on. */
const probes = { cornerSide: 5, mirrorPairs: 100 };
const smallProbes = { cornerSide: 3, mirrorPairs: 40 };
const steady = { decayFloor: 1 };

const power: Partial<Settings> = {
  ...{ ...probes, ...steady, modulus: 97, task: "divide", trainShare: 0.5 },
  ...{ network: "transformer", layers: 2, layerNorm: "post", heads: 4, embedding: 128, hidden: 512 },
  ...{ optimizer: "adamw", learningRate: 1e-3, beta1: 0.9, beta2: 0.98, weightDecay: always(1) },
  ...{ batch: 512, warmUp: 10, steps: 100_000, logCheckpoints: 200 },
};
const nanda: Partial<Settings> = {
  ...{ ...probes, ...steady, modulus: 113, task: "add", trainShare: 0.3 },
  ...{ network: "transformer", layers: 1, layerNorm: "none", heads: 4, embedding: 128, hidden: 512 },
  ...{ optimizer: "adamw", learningRate: 1e-3, beta1: 0.9, beta2: 0.98, weightDecay: always(1) },
  ...{ batch: 0, warmUp: 10, steps: 40_000, every: 100 },
};
const gromov: Partial<Settings> = {
  ...{ ...probes, ...steady, modulus: 97, task: "add", trainShare: 0.5 },
  ...{ network: "quadratic", hidden: 500, loss: "squared-error" },
  ...{ optimizer: "adamw", learningRate: 0.005, weightDecay: always(1), steps: 2000, every: 20 },
};
const liu: Partial<Settings> = {
  ...{
    ...smallProbes,
    ...steady,
    modulus: 59,
    task: "add",
    trainShare: 0.6,
    network: "mlp",
    embedding: 256,
    hidden: 200,
  },
  ...{ optimizer: "adamw", learningRate: 1e-3, weightDecay: always(1), steps: 100_000, logCheckpoints: 200 },
};
const grokfast: Partial<Settings> = {
  ...power,
  ...{ task: "multiply", optimizer: "adam", weightDecay: always(0.005) },
  ...{ gradientFilter: "grokfast-ema", grokfastAlpha: 0.98, grokfastLambda: 2, steps: 10_000, logCheckpoints: 200 },
};
const prieto: Partial<Settings> = {
  ...{ ...probes, ...steady, modulus: 113, task: "add", trainShare: 0.4, network: "mlp", layers: 2, hidden: 200 },
  ...{ embedding: 200, optimizer: "adamw", learningRate: 0.01, beta2: 0.99, epsilon: 1e-25, weightDecay: always(0) },
  ...{ gradientFilter: "orthogonal", steps: 3000, every: 25 },
};
const varma: Partial<Settings> = {
  ...nanda,
  ...{ trainShare: 0.5, steps: 30_000, every: 100 },
  trainUsed: [
    [0, 1],
    [10_000, 0.3],
  ],
};
const omnigrok: Partial<Settings> = {
  ...{ ...steady, task: "digits", digitExamples: 1000, network: "mlp", layers: 1, embedding: 200, hidden: 200 },
  ...{ initialScale: 8, loss: "squared-error", optimizer: "adamw", learningRate: 1e-3, weightDecay: always(0.01) },
  ...{ batch: 200, steps: 100_000, logCheckpoints: 200 },
};

const presets = {
  power2022: {
    source: "Power et al. 2022, arXiv 2201.02177",
    differs: "positions are learned, the MLP has biases, operator and = are one token; the probes are ours",
    settings: power,
  },
  "power2022-small": {
    source: "Power et al. 2022, arXiv 2201.02177",
    differs: "p 97 -> 31, width 128 -> 64, two blocks -> one, 100,000 updates -> 2,000, rate .001 -> .005",
    settings: {
      ...power,
      ...{ ...smallProbes, modulus: 31, layers: 1, embedding: 64, hidden: 256, learningRate: 5e-3 },
      ...{ steps: 2000, logCheckpoints: 0, every: 20 },
    },
  },
  nanda2023: {
    source: "Nanda et al. 2023, arXiv 2301.05217",
    differs: "probes are held out of what the paper tests on",
    settings: nanda,
  },
  "nanda2023-small": {
    source: "Nanda et al. 2023, arXiv 2301.05217",
    differs: "p 113 -> 47, width 128 -> 64, share .3 -> .5, 40,000 updates -> 1,500, rate .001 -> .005",
    settings: {
      ...nanda,
      ...{ ...smallProbes, modulus: 47, trainShare: 0.5, embedding: 64, hidden: 256, learningRate: 5e-3 },
      ...{ steps: 1500, every: 20 },
    },
  },
  gromov2023: {
    source: "Gromov 2023, arXiv 2301.02679",
    differs: "optimizer, rate and decay are ours, as are the probes",
    settings: gromov,
  },
  "gromov2023-small": {
    source: "Gromov 2023, arXiv 2301.02679",
    differs: "p 97 -> 47, 500 -> 256 hidden units, 2,000 updates -> 600",
    settings: { ...gromov, ...smallProbes, modulus: 47, hidden: 256, steps: 600, every: 10 },
  },
  liu2022: {
    source: "Liu et al. 2022, arXiv 2205.10343",
    differs: "one point of the plane: vary --learning-rate and --weight-decay; p, widths and updates are ours",
    settings: liu,
  },
  "liu2022-small": {
    source: "Liu et al. 2022, arXiv 2205.10343",
    differs: "p 59 -> 31, 256 and 200 -> 64 and 128 units, 100,000 updates -> 1,500, rate .001 -> .01",
    settings: {
      ...liu,
      ...{ modulus: 31, embedding: 64, hidden: 128, learningRate: 0.01, steps: 1500, logCheckpoints: 0, every: 20 },
    },
  },
  grokfast2024: {
    source: "Lee et al. 2024, arXiv 2405.20233",
    differs:
      "LayerNorm after each addition (theirs: before each part), ReLU (theirs: GELU); theirs compare with --gradient-filter none --weight-decay 0",
    settings: grokfast,
  },
  "grokfast2024-small": {
    source: "Lee et al. 2024, arXiv 2405.20233",
    differs: "p 97 -> 31, width 128 -> 64, share .5 -> .6, batches 512 -> 128, 10,000 updates -> 3,000",
    settings: {
      ...grokfast,
      ...{ ...smallProbes, modulus: 31, trainShare: 0.6, embedding: 64, hidden: 256, batch: 128 },
      ...{ steps: 3000, logCheckpoints: 0, every: 50 },
    },
  },
  prieto2025: {
    source: "Prieto et al. 2025, arXiv 2501.04697",
    differs:
      "a linear layer of 200 first, probes are ours; also with --loss stablemax --gradient-filter none --beta2 0.999 --steps 80000",
    settings: prieto,
  },
  "prieto2025-small": {
    source: "Prieto et al. 2025, arXiv 2501.04697",
    differs: "p 113 -> 47, two hidden layers of 200 -> one of 256, share .4 -> .5, 3,000 updates -> 2,000",
    settings: {
      ...prieto,
      ...{ ...smallProbes, modulus: 47, trainShare: 0.5, layers: 1, embedding: 64, hidden: 256 },
      ...{ steps: 2000, every: 20 },
    },
  },
  varma2023: {
    source: "Varma et al. 2023, arXiv 2309.02390",
    differs:
      "nanda2023's network and rates; half of the pairs until step 10,000, .3 of these from there: both are ours",
    settings: varma,
  },
  "varma2023-small": {
    source: "Varma et al. 2023, arXiv 2309.02390",
    differs: "p 113 -> 47, transformer -> MLP, 30,000 updates -> 2,400, the data shrink at 1,000",
    settings: {
      ...{ ...smallProbes, ...steady, steps: 2400, every: 25 },
      trainUsed: [
        [0, 1],
        [1000, 0.3],
      ],
    },
  },
  omnigrok2022: {
    source: "Liu et al. 2022 (Omnigrok), arXiv 2210.01117",
    differs:
      "14 x 14 pixels, the first of the two hidden layers has no ReLU; digits saturate: the model needs a policy, ceiling .6",
    settings: omnigrok,
  },
  "omnigrok2022-small": {
    source: "Liu et al. 2022 (Omnigrok), arXiv 2210.01117",
    differs: "100,000 updates -> 12,000, decay .01 -> .1; no first ReLU and ceiling .6 as above",
    settings: {
      ...omnigrok,
      ...{ weightDecay: always(0.1), steps: 12_000, logCheckpoints: 0, every: 100 },
    },
  },
} satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as PresetName[];
export const presetOf = (name: PresetName): Preset => presets[name];

/** One paragraph a preset, for --list-presets. */
export const presetsHelp = presetNames
  .map((name) => {
    const { source, differs } = presetOf(name);
    return `${name.padEnd(20)} ${source}\n${" ".repeat(21)}${differs}\n`;
  })
  .join("");
