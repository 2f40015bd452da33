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
  | "slingshot";

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
];

export const collection: readonly Recording[] = runs.map(([name, kind, ...flags]) => ({
  name,
  kind,
  flags: flags.join(" "),
}));
