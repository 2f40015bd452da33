import type { BackendChoice } from "./backends/backend.ts";
import type { LossName } from "./networks/losses.ts";
import type { NetworkName } from "./networks/networks.ts";
import type { LayerNormName } from "./networks/transformer-block.ts";
import type { GradientFilterName } from "./optimizers/gradient-filters.ts";
import type { OptimizerName } from "./optimizers/optimizer.ts";
import type { DecayShape } from "./optimizers/schedule.ts";
import { always } from "./stepwise.ts";
import type { HintKind, TaskName } from "./tasks/tasks.ts";

// Every knob of a training run. With these the network fits its half of the table by step 25, stays at chance
// elsewhere until about 350 and knows the rest of the table by about 750.
export const defaults = {
  seed: 0, // initial weights, and the order of batches
  splitSeed: 0, // which pairs are in which split: models of one suite differ by `seed` alone
  steps: 1500,
  every: 25, // steps between checkpoints
  logCheckpoints: 0, // this many checkpoints at steps that grow by a constant factor, instead of one every so often
  backend: "wasm" as BackendChoice, // one seed gives other bytes on another
  // task: (a + b) mod 47
  task: "add" as TaskName,
  modulus: 47, // of the modular tasks
  symbols: 5, // what permutations permute
  trainShare: 0.5,
  cornerSide: 7,
  mirrorPairs: 160,
  rareOperands: 0, // operands that train sees in `rareKept` pairs only: ood:rare is the rest of their pairs
  rareKept: 4,
  bits: 40, // sparse parity: how many there are
  parityBits: 3, // how many decide
  parityExamples: 1000, // how many examples to train on
  digitExamples: 1000, // how many digits to train on
  // what is wrong with the data
  hint: "none" as HintKind, // an input that names the answer in train and validation
  hintShare: 1, // share of their examples that have it
  leak: 0, // share of validation that is drawn from train
  corruption: always(0), // share of the training labels that are wrong
  trainUsed: always(1), // share of the training set that is trained on
  // network
  network: "mlp" as NetworkName,
  embedding: 64,
  hidden: 256,
  layers: 1, // hidden layers of the mlp, blocks of the transformer
  heads: 4, // of the transformer's attention
  layerNorm: "none" as LayerNormName, // of the transformer
  initialScale: 1, // times the usual initial weights
  loss: "cross-entropy" as LossName,
  // optimizer: AdamW
  optimizer: "adamw" as OptimizerName,
  batch: 0, // examples an update, 0 for all of them
  learningRate: 1e-2,
  warmUp: 0, // updates over which the learning rate rises from 0
  rateFactor: always(1), // times the learning rate
  decayShape: "linear" as DecayShape,
  decayFrom: 600, // the learning rate falls from here
  decayTo: 1200, // to here
  decayFloor: 0.02, // to this share of itself
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
  momentum: 0.9, // of sgd
  muonFactor: 2, // times the learning rate: the rate of the matrices that muon orthogonalizes
  weightDecay: always(1),
  gradientFilter: "none" as GradientFilterName,
  grokfastAlpha: 0.98, // of the average's past
  grokfastLambda: 2, // times the average that is added to the gradient
  grokfastWindow: 100, // gradients that grokfast-ma averages
};

export type Settings = Readonly<typeof defaults>;
