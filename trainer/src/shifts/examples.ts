// Small suites to try shifts on, each with a shortcut that a model may take instead of the rule. docs/suites.md works
// through them.

import { createRandom, type Random } from "../random.ts";
import { type SafeTensor, writeSafetensors } from "../safetensors.ts";
import { defaults } from "../settings.ts";
import { writeSuite } from "../suite.ts";
import { createTask } from "../tasks/tasks.ts";

interface Example {
  inputs: number[];
  target: number;
}

interface Kind {
  metadata: Record<string, string>;
  /** Rows by split. */
  splits: Record<string, number>;
  /** Of one row of the input `x`. */
  shape: number[];
  whole: boolean;
  make(random: Random, split: string): Example;
}

const LENGTH = 16;
const SYMBOLS = 24;

/**
 * Sequences that begin with five to eight different tokens and say them again and again; asked is the token that comes
 * next. The rule: what followed the last token before. The shortcut: in nine steps of ten a token has the same successor
 * in all sequences.
 */
const tokens: Kind = {
  metadata: { task: "classification", output: "logits" },
  splits: { train: 2000, validation: 500 },
  shape: [LENGTH],
  whole: true,
  make(random) {
    const below = (n: number) => Math.floor(random.uniform() * n);
    const period = 5 + below(4);
    const begun = [below(SYMBOLS)];
    while (begun.length < period) {
      const usual = ((begun.at(-1) ?? 0) + 5) % SYMBOLS;
      const next = random.uniform() < 0.9 ? usual : below(SYMBOLS);
      // One successor each, or there is no telling which is meant.
      if (!begun.includes(next)) begun.push(next);
    }
    const inputs = Array.from({ length: LENGTH }, (_, n) => begun[n % period] ?? 0);
    return { inputs, target: begun[LENGTH % period] ?? 0 };
  },
};

/**
 * Five numbers. The rule is x[0] x[1] + x[2]; x[3] has nothing to do with it. The shortcut: x[4] is the answer with a
 * little noise.
 */
const table: Kind = {
  metadata: { task: "regression", output: "y", tolerance: "0.3" },
  splits: { train: 2000, validation: 500 },
  shape: [5],
  whole: false,
  make(random) {
    const [a, b, c, d] = [random.normal(), random.normal(), random.normal(), random.normal()];
    const answer = a * b + c;
    return { inputs: [a, b, c, d, answer + 0.1 * random.normal()], target: answer };
  },
};

const SIDE = 12;

/**
 * Bars across, bars down, and crosses, in an image with a little noise; the rule is that the place does not matter. In
 * three of the four quarters train never shows one of the shapes; `ood:place` has these alone.
 */
const images: Kind = {
  metadata: { task: "classification", output: "logits" },
  splits: { train: 1000, validation: 300, "ood:place": 300 },
  shape: [1, SIDE, SIDE],
  whole: false,
  make(random, split) {
    const below = (n: number) => Math.floor(random.uniform() * n);
    const held = split === "ood:place";
    let [shape, row, column] = [0, 0, 0];
    do {
      [shape, row, column] = [below(3), 2 + below(SIDE - 4), 2 + below(SIDE - 4)];
    } while ((2 * Number(row >= SIDE / 2) + Number(column >= SIDE / 2) === shape) !== held);
    const pixels = Array.from({ length: SIDE * SIDE }, (_, n) => {
      const [dy, dx] = [Math.floor(n / SIDE) - row, (n % SIDE) - column];
      const across = dy === 0 && Math.abs(dx) <= 2;
      const down = dx === 0 && Math.abs(dy) <= 2;
      const drawn = [across, down, across || down][shape];
      return Number(drawn) + 0.1 * random.normal();
    });
    return { inputs: pixels, target: shape };
  },
};

const KINDS = { tokens, table, images };

/** The suite files by name: the same bytes every time. */
export function exampleSuites(): Map<string, Uint8Array<ArrayBuffer>> {
  const made = Object.entries(KINDS).map(([name, kind]): [string, Uint8Array<ArrayBuffer>] => [
    name,
    write(name, kind),
  ]);
  // The trainer's own task, as it comes.
  const all = new Map([["pairs", writeSuite(createTask(defaults))], ...made]);
  return new Map([...all].map(([name, file]) => [`${name}.safetensors`, file]));
}

function write(name: string, { metadata, splits, shape, whole, make }: Kind): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, SafeTensor>();
  for (const [split, rows] of Object.entries(splits)) {
    const random = createRandom(0, `${name} ${split}`);
    const examples = Array.from({ length: rows }, () => make(random, split));
    const add = (tensor: string, shape: number[], values: number[], asWhole: boolean) => {
      const typed = asWhole ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
      tensors.set(`${split}/${tensor}`, { shape, values: typed });
    };
    const inputs = examples.flatMap((example) => example.inputs);
    add("x", [rows, ...shape], inputs, whole);
    const targets = examples.map(({ target }) => target);
    add("target", [rows], targets, metadata["task"] !== "regression");
  }
  return writeSafetensors(tensors, metadata);
}
