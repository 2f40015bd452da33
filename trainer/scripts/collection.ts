// The runs of bench/fixtures/trainer/: known kinds of trajectories, made on purpose. Names and settings stay as they
// are once recorded; new runs are new lines.

export type RunKind =
  | "grokked"
  | "gradual"
  | "memorizer"
  | "blind"
  | "partial"
  | "ungrokking"
  | "collapse"
  | "recovering"
  | "slingshot"
  | "underfit";

export interface Recording {
  readonly name: string;
  /** What the settings are meant to make; labels.csv says what came of it. */
  readonly kind: RunKind;
  /** Flags of `record`. */
  readonly flags: string;
}

const subtract31 = "--task subtract --modulus 31 --hidden 128 --corner-side 6 --mirror-pairs 80 --train-share 0.6";
const multiply37 = "--task multiply --modulus 37 --corner-side 6 --mirror-pairs 100";
const add31 = "--modulus 31 --hidden 128 --corner-side 6 --mirror-pairs 80 --train-share 0.6";
const transformer = "--network transformer --learning-rate 0.005";
const grokfast = "--preset grokfast2024-small";
const grokfastOneBlock = `${grokfast} --task add --layers 1 --layer-norm none --warm-up 0`;
const s5 =
  "--task permutations --batch 512 --corner-side 10 --mirror-pairs 200 --embedding 128 --hidden 512 --learning-rate 0.002 --decay-floor 1 --every 100";
const parity43 =
  "--task parity --bits 43 --layers 2 --hidden 128 --embedding 128 --weight-decay 0 --decay-floor 1 --epsilon 1e-18 --beta2 0.999 --steps 4000 --every 50";
const constantRate = "--decay-floor 1";

const runs: readonly (readonly [name: string, kind: RunKind, ...flags: string[]])[] = [
  ["grok-add47-s1", "grokked", "--seed 1 --steps 1400 --every 20"],
  ["ungrok-add47-to-.3-s0", "ungrokking", constantRate, "--train-used 0:1,1000:0.3 --steps 2000"],
  ["collapse-decay-add47-s0", "collapse", constantRate, "--weight-decay 0:1,1000:60 --steps 1300 --every 20"],
  ["memorizer-no-decay-add47-s0", "memorizer", "--weight-decay 0 --steps 1200 --every 20"],
  ["blind-hint-add47-s0", "blind", "--hint absent --steps 800 --every 10"],
  ["ungrok-subtract31-to-.35-s0", "ungrokking", subtract31, constantRate, "--train-used 0:1,900:0.35 --steps 1900"],
  [
    "collapse-rate-subtract31-s1",
    "collapse",
    subtract31,
    constantRate,
    "--seed 1 --rate-factor 0:1,900:100 --steps 1200 --every 15",
  ],
  ["grok-divide47-s2", "grokked", "--task divide --seed 2 --steps 1400 --every 20"],
  [
    "ungrok-multiply37-to-.3-s1",
    "ungrokking",
    multiply37,
    constantRate,
    "--seed 1 --train-used 0:1,1000:0.3 --steps 2200",
  ],
  ["recover-data-add47-s0", "recovering", constantRate, "--train-used 0:1,1000:0.3,1600:1 --steps 2600"],
  ["memorizer-wrong-labels-add47-s1", "memorizer", "--seed 1 --corruption 0.5 --steps 1000 --every 15"],
  ["grok-subtract31-s3", "grokked", subtract31, "--seed 3 --steps 1200 --every 15"],
  [
    "collapse-decay-divide47-s1",
    "collapse",
    "--task divide",
    constantRate,
    "--seed 1 --weight-decay 0:1,1000:30 --steps 1300 --every 20",
  ],
  ["blind-hint-wrong-subtract31-s1", "blind", subtract31, "--hint wrong --seed 1 --steps 900 --every 10"],
  ["memorizer-few-data-add47-s2", "memorizer", "--train-share 0.2 --seed 2 --steps 1500"],
  [
    "ungrok-add31-to-.3-s2",
    "ungrokking",
    add31,
    constantRate,
    "--seed 2 --train-used 0:1,1100:0.3 --steps 2300 --every 20",
  ],
  ["partial-rare-add47-s0", "partial", "--rare-operands 4 --rare-kept 1 --steps 1500 --every 20"],
  ["blind-leak-no-decay-add47-s2", "blind", "--leak 1 --weight-decay 0 --seed 2 --steps 900 --every 15"],
  ["grok-multiply37-s0", "grokked", multiply37, "--steps 1500 --every 20"],
  [
    "gradual-quadratic-network-add47-s0",
    "gradual",
    "--network quadratic --loss squared-error --learning-rate 0.003 --train-share 0.85 --steps 400 --every 5",
  ],
  // Controls: what is lost for a moment, or hardly, is not lost.
  [
    "partial-shrink-to-.8-add47-s1",
    "partial",
    constantRate,
    "--seed 1 --train-used 0:1,1000:0.8 --steps 1600 --every 20",
  ],
  [
    "grok-rate-pulse-add47-s2",
    "grokked",
    constantRate,
    "--seed 2 --rate-factor 0:1,1000:6,1010:1 --steps 1400 --every 10",
  ],
  ["grok-fast-add47-s0", "grokked", constantRate, "--learning-rate 0.03 --weight-decay 0.5 --steps 1600 --every 15"],
  [
    "recover-decay-pulse-subtract31-s2",
    "recovering",
    subtract31,
    constantRate,
    "--seed 2 --weight-decay 0:1,900:20,940:1 --steps 1600 --every 15",
  ],
  [
    "collapse-decay-subtract31-s4",
    "collapse",
    subtract31,
    constantRate,
    "--seed 4 --weight-decay 0:1,900:12 --steps 1300 --every 15",
  ],
  [
    "ungrok-divide47-to-.25-s3",
    "ungrokking",
    "--task divide",
    constantRate,
    "--seed 3 --train-used 0:1,1000:0.25 --steps 1800 --every 20",
  ],
  ["partial-corner13-add47-s0", "partial", "--corner-side 13 --steps 1500 --every 20"],
  [
    "partial-rare-subtract31-s1",
    "partial",
    subtract31,
    "--seed 1 --rare-operands 4 --rare-kept 1 --steps 1500 --every 20",
  ],
  ["blind-hint-multiply37-s1", "blind", multiply37, "--hint absent --seed 1 --steps 900 --every 10"],
  [
    "memorizer-half-leak-subtract31-s1",
    "memorizer",
    subtract31,
    "--train-share 0.3 --leak 1 --seed 1 --steps 1200 --every 15",
  ],
  ["grok-leak-add47-s3", "grokked", "--leak 1 --seed 3 --steps 1400 --every 20"],
  [
    "ungrok-wrong-labels-multiply37-s2",
    "ungrokking",
    multiply37,
    constantRate,
    "--seed 2 --corruption 0:0,1000:0.8 --steps 1600 --every 20",
  ],
  ["grok-squares31-s0", "grokked", add31, "--task squares --steps 1400 --every 20"],
  [
    "partial-s4-s0",
    "partial",
    "--task permutations --symbols 4 --corner-side 6 --mirror-pairs 60 --train-share 0.7 --hidden 128 --steps 1500 --every 20",
  ],
  ["partial-muon-add47-s0", "partial", "--optimizer muon --steps 1200 --every 15"],
  [
    "grok-quadratic-network-add47-s1",
    "grokked",
    "--network quadratic --loss squared-error --learning-rate 0.003 --seed 1 --steps 1000 --every 10",
  ],
  ["memorizer-no-decay-subtract31-s1", "memorizer", subtract31, "--weight-decay 0 --seed 1 --steps 1200 --every 15"],
  ["memorizer-few-data-multiply37-s1", "memorizer", multiply37, "--train-share 0.2 --seed 1 --steps 1200 --every 20"],
  [
    "memorizer-parity-s0",
    "memorizer",
    "--task parity --parity-examples 300 --hidden 128 --weight-decay 0.1 --steps 1000 --every 10",
  ],
  [
    "gradual-parity-s0",
    "gradual",
    "--task parity --bits 20 --parity-examples 6000 --embedding 32 --hidden 64 --weight-decay 0.1 --learning-rate 0.003 --steps 400 --every 4",
  ],
  [
    "memorizer-parity-s1",
    "memorizer",
    "--task parity --bits 30 --parity-examples 1000 --hidden 128 --seed 1 --steps 1200 --every 12",
  ],
  ["partial-decay-add47-s0", "partial", "--train-share 0.85 --weight-decay 6 --steps 800 --every 8"],
  ["grok-sparse-checkpoints-add47-s4", "grokked", "--seed 4 --steps 2000 --every 100"],
  ["grok-log-checkpoints-add47-s5", "grokked", "--seed 5 --steps 1500 --log-checkpoints 80"],
  ["grok-dense-checkpoints-add31-s0", "grokked", add31, "--steps 1100 --every 8"],
  [
    "ungrok-subtract31-to-.45-s5",
    "ungrokking",
    subtract31,
    constantRate,
    "--seed 5 --train-used 0:1,900:0.45 --steps 2400 --every 20",
  ],
  [
    "recover-data-multiply37-s3",
    "recovering",
    multiply37,
    constantRate,
    "--seed 3 --train-used 0:1,1000:0.25,1500:0.8 --steps 2100 --every 20",
  ],
  [
    "ungrok-log-checkpoints-add31-s6",
    "ungrokking",
    add31,
    constantRate,
    "--seed 6 --train-used 0:1,1000:0.3 --steps 3000 --log-checkpoints 120",
  ],
  [
    "ungrok-all-wrong-subtract31-s6",
    "ungrokking",
    subtract31,
    constantRate,
    "--seed 6 --weight-decay 0:1,900:4 --corruption 0:0,900:1 --steps 1200 --every 15",
  ],
  [
    "slingshot-pulses-add47-s3",
    "slingshot",
    constantRate,
    "--seed 3 --rate-factor 0:1,900:30,902:1,1050:30,1052:1,1200:30,1202:1 --steps 1400 --every 10",
  ],
  [
    "memorizer-fast-no-decay-add31-s1",
    "memorizer",
    add31,
    constantRate,
    "--seed 1 --weight-decay 0 --learning-rate 0.03 --steps 2500 --every 20",
  ],
  ["memorizer-grokfast-add47-s0", "memorizer", "--gradient-filter grokfast-ema --steps 800 --every 8"],
  ["grok-orthogonal-add47-s0", "grokked", "--gradient-filter orthogonal --weight-decay 0 --steps 1200 --every 12"],
  [
    "gradual-quadratic-network-multiply37-s1",
    "gradual",
    multiply37,
    "--network quadratic --loss squared-error --learning-rate 0.002 --train-share 0.85 --seed 1 --steps 500 --every 5",
  ],
  [
    "gradual-quadratic-network-subtract31-s2",
    "gradual",
    subtract31,
    "--network quadratic --loss squared-error --learning-rate 0.003 --train-share 0.8 --hidden 256 --seed 2 --steps 400 --every 4",
  ],
  ["underfit-add47-s0", "underfit", "--learning-rate 0.0002 --steps 300 --every 5"],
  [
    "memorizer-sgd-multiply37-s1",
    "memorizer",
    multiply37,
    "--optimizer sgd --learning-rate 0.02 --weight-decay 0 --seed 1 --steps 1200 --every 20",
  ],
  ["blind-leak-subtract31-s2", "blind", subtract31, "--leak 1 --weight-decay 0 --seed 2 --steps 900 --every 15"],
  ["blind-hint-wrong-divide47-s3", "blind", "--task divide --hint wrong --seed 3 --steps 700 --every 8"],
  [
    "ungrok-subtract31-to-.5-s7",
    "ungrokking",
    subtract31,
    constantRate,
    "--seed 7 --train-used 0:1,900:0.5 --steps 2400 --every 20",
  ],
  [
    "ungrok-decaying-rate-add47-s4",
    "ungrokking",
    "--seed 4 --decay-from 900 --decay-to 2200 --train-used 0:1,1000:0.25 --steps 2200 --every 20",
  ],
  [
    "recover-labels-subtract31-s8",
    "recovering",
    subtract31,
    constantRate,
    "--seed 8 --corruption 0:0,900:0.6,1200:0 --steps 1800 --every 15",
  ],
  [
    "collapse-rate-pulse-add31-s3",
    "collapse",
    add31,
    constantRate,
    "--seed 3 --rate-factor 0:1,900:60,910:1 --steps 1600 --every 15",
  ],
  ["memorizer-quadratic31-s0", "memorizer", add31, "--task quadratic --train-share 0.7 --steps 1500 --every 20"],
  [
    "partial-corner13-log-checkpoints-add47-s1",
    "partial",
    "--corner-side 13 --seed 1 --steps 1500 --log-checkpoints 90",
  ],
  [
    "memorizer-no-decay-muon-add47-s1",
    "memorizer",
    "--optimizer muon --weight-decay 0 --seed 1 --steps 900 --every 12",
  ],
  ["memorizer-wrong-labels-multiply37-s2", "memorizer", multiply37, "--corruption 0.8 --seed 2 --steps 900 --every 12"],
  ["grok-transformer-add47-s0", "grokked", transformer, "--steps 600 --every 6"],
  [
    "ungrok-transformer-add47-to-.2-s1",
    "ungrokking",
    transformer,
    constantRate,
    "--seed 1 --train-used 0:1,600:0.2 --steps 1300 --every 10",
  ],
  [
    "partial-transformer-subtract31-s2",
    "partial",
    subtract31,
    transformer,
    "--hidden 256 --seed 2 --steps 900 --every 9",
  ],
  ["partial-transformer-no-decay-add47-s2", "partial", transformer, "--weight-decay 0 --seed 2 --steps 600 --every 8"],
  [
    "collapse-transformer-multiply37-s3",
    "collapse",
    multiply37,
    transformer,
    constantRate,
    "--seed 3 --weight-decay 0:1,700:40 --steps 900 --every 9",
  ],
  // What papers report, made again: scripts/reproductions.ts.
  ["power-two-layers", "grokked", "--preset power2022-small --layers 2 --steps 1500"],
  ["nanda-share-0.5", "grokked", "--preset nanda2023-small"],
  ["nanda-share-0.4", "grokked", "--preset nanda2023-small --train-share 0.4 --steps 2000"],
  ...["0.001", "0.003", "0.005"].flatMap((penalty): [string, RunKind, string][] => [
    [
      `grokfast-penalty-${penalty}-without`,
      "grokked",
      `${grokfastOneBlock} --weight-decay ${penalty} --gradient-filter none`,
    ],
    [`grokfast-penalty-${penalty}-with`, "grokked", `${grokfastOneBlock} --weight-decay ${penalty} --steps 1500`],
  ]),
  [
    "grokfast-two-blocks-neither",
    "partial",
    grokfast,
    "--weight-decay 0 --gradient-filter none --steps 15000 --every 100",
  ],
  ["grokfast-two-blocks-filter", "partial", grokfast, "--weight-decay 0 --steps 6000"],
  ["grokfast-two-blocks-penalty", "grokked", grokfast, "--gradient-filter none --steps 6000"],
  ["grokfast-two-blocks-both", "grokked", grokfast],
  ["grokfast-two-blocks-penalty-s1", "grokked", grokfast, "--gradient-filter none --seed 1 --steps 6000"],
  ["grokfast-two-blocks-both-s1", "grokked", grokfast, "--seed 1"],
  ["omnigrok-scale-8", "partial", "--preset omnigrok2022-small"],
  ["omnigrok-scale-1", "partial", "--preset omnigrok2022-small --initial-scale 1 --steps 3000 --every 50"],
  [
    "antigrok-digits",
    "ungrokking",
    "--preset omnigrok2022-small --layers 2 --initial-scale 1 --digit-examples 200 --embedding 50 --hidden 50 --batch 0",
    "--learning-rate 0.02 --beta2 0.9 --weight-decay 0 --steps 10000",
  ],
  ["s5-share-0.5", "grokked", s5, "--train-share 0.5 --steps 6000"],
  ["s5-share-0.65", "grokked", s5, "--train-share 0.65 --steps 4000"],
  ["prieto-parity-plain", "partial", parity43],
  ["prieto-parity-stablemax", "gradual", parity43, "--loss stablemax"],
  ["prieto-parity-orthogonal", "gradual", parity43, "--gradient-filter orthogonal"],
];

export const collection: readonly Recording[] = runs.map(([name, kind, ...flags]) => ({
  name,
  kind,
  flags: flags.join(" "),
}));

export function recordingNamed(name: string): Recording {
  const found = collection.find((recording) => recording.name === name);
  if (found === undefined) throw new Error(`the collection has no ${name}`);
  return found;
}
