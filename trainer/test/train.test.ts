import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { always } from "../src/stepwise.ts";
import { type Checkpoint, type Settings, train } from "../src/train.ts";

async function digestsOf(seed: number): Promise<string[]> {
  const digests: string[] = [];
  const onCheckpoint = ({ onnx }: Checkpoint) => {
    digests.push(createHash("sha256").update(onnx).digest("hex"));
  };
  await train({ seed, steps: 6, every: 3 }, { onCheckpoint });
  return digests;
}

test("one seed gives the same bytes every time, another seed others", async () => {
  const first = await digestsOf(7);
  expect(first).toHaveLength(3);
  expect(await digestsOf(7)).toEqual(first);
  const other = await digestsOf(8);
  expect(other.filter((digest) => first.includes(digest))).toEqual([]);
});

test("the event loop turns between steps", async () => {
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  await train({ steps: 10, every: 10 });
  clearInterval(timer);
  expect(turns).toBeGreaterThanOrEqual(8);
});

const small = { modulus: 7, cornerSide: 2, mirrorPairs: 4, embedding: 8, hidden: 12, steps: 4, every: 1 };

/** The weights after each of the first updates. */
async function weightsOf(some: Partial<Settings>): Promise<string[]> {
  const files: string[] = [];
  await train(
    { ...small, ...some },
    { onCheckpoint: ({ onnx }) => void files.push(Buffer.from(onnx).toString("base64")) },
  );
  return files;
}

describe("what changes at step 2 moves the third update, and none before it:", () => {
  test.each<{ name: string; settings: Partial<Settings> }>([
    { name: "the rate's factor", settings: { rateFactor: [...always(1), [2, 3]] } },
    { name: "weight decay", settings: { weightDecay: [...always(1), [2, 0]] } },
    { name: "wrong labels", settings: { corruption: [...always(0), [2, 0.5]] } },
    { name: "the training set", settings: { trainUsed: [...always(1), [2, 0.5]] } },
    { name: "the fall of the rate", settings: { decayFrom: 1, decayTo: 3 } },
  ])("$name", async ({ settings }) => {
    const [plain, changed] = [await weightsOf({}), await weightsOf(settings)];
    expect(changed.map((file, step) => file === plain[step])).toEqual([true, true, true, false, false]);
  });

  test("a factor of 0 holds the weights still", async () => {
    const [, , second, ...later] = await weightsOf({ rateFactor: [...always(1), [2, 0]] });
    expect(later).toEqual([second, second]);
  });
});

test("each optimizer, gradient filter and loss, and warm-up, makes weights of its own", async () => {
  const ways: Partial<Settings>[] = [
    {},
    ...(["adam", "sgd", "muon"] as const).map((optimizer) => ({ optimizer })),
    ...(["grokfast-ema", "orthogonal"] as const).map((gradientFilter) => ({ gradientFilter })),
    { gradientFilter: "grokfast-ma", grokfastWindow: 2 },
    ...(["stablemax", "squared-error"] as const).map((loss) => ({ loss })),
    { warmUp: 3 },
    { batch: 5 },
  ];
  const last: (string | undefined)[] = [];
  for (const way of ways) last.push((await weightsOf(way)).at(-1));
  expect(new Set(last).size).toBe(ways.length);
});

describe("the loop counts updates from 1:", () => {
  /** How far each update moves the weights; so slowly that the gradient hardly changes. */
  async function movesOf(some: Partial<Settings>): Promise<number[]> {
    const weights: Float32Array[][] = [];
    const onCheckpoint = (checkpoint: Checkpoint) =>
      void weights.push([...checkpoint.weights.values()].map(({ values }) => values.slice()));
    const plain = { optimizer: "sgd", momentum: 0, weightDecay: always(0), learningRate: 1e-2 } as const;
    await train({ ...small, ...plain, ...some }, { onCheckpoint });
    return weights.slice(1).map((after, step) => {
      const gaps = after.flatMap((values, i) => [...values].map((value, j) => value - (weights[step]?.[i]?.[j] ?? 0)));
      return Math.hypot(...gaps);
    });
  }

  test.each<{ name: string; settings: Partial<Settings>; wanted: number[] }>([
    {
      name: "Grokfast's average is whole from the first",
      settings: { gradientFilter: "grokfast-ema" },
      wanted: [3, 3, 3, 3],
    },
    {
      name: "its window is full at the third of three",
      settings: { gradientFilter: "grokfast-ma", grokfastWindow: 3 },
      wanted: [1, 1, 3, 3],
    },
    { name: "a warm-up of four begins with a quarter", settings: { warmUp: 4 }, wanted: [0.25, 0.5, 0.75, 1] },
  ])("$name", async ({ settings, wanted }) => {
    const [plain, moves] = [await movesOf({}), await movesOf(settings)];
    moves.forEach((move, i) => {
      expect(move / (plain[i] ?? Number.NaN), `update ${i + 1}`).toBeCloseTo(wanted[i] ?? Number.NaN, 1);
    });
    expect(moves).toHaveLength(4);
  });
});

test.each<{ settings: Partial<Settings>; says: string }>([
  { settings: { trainUsed: [...always(1), [3, 1.5]] }, says: "cannot train on 1.5 of 24 examples (--train-used)" },
  { settings: { trainUsed: [...always(1), [3, 0]] }, says: "cannot train on 0 of 24 examples" },
  { settings: { corruption: [...always(0), [3, 2]] }, says: "with 2 of their labels wrong (--corruption)" },
  { settings: { decayFrom: 3, decayTo: 2 }, says: "--decay-from must be below --decay-to, got 3 and 2" },
  { settings: { layerNorm: "post" }, says: "--layer-norm must be none, got post" },
  { settings: { network: "quadratic", layers: 2 }, says: "--layers must be 1, got 2" },
  { settings: { network: "quadratic", optimizer: "muon" }, says: "no matrix for --optimizer muon" },
  { settings: { network: "transformer", heads: 3 }, says: "--heads must divide --embedding, 8, got 3" },
  {
    settings: { network: "transformer", task: "parity" },
    says: "--network transformer reads symbols, and the bits of --task parity3of40 are numbers",
  },
])("$settings is refused before the first update", async ({ settings, says }) => {
  let updates = 0;
  const training = train({ ...small, ...settings }, { onStep: () => void updates++ });
  await expect(training).rejects.toThrow(says);
  expect(updates).toBe(0);
});

test("what a callback throws ends training", async () => {
  const onCheckpoint = () => {
    throw new Error("refused");
  };
  await expect(train({ steps: 5 }, { onCheckpoint })).rejects.toThrow("refused");
});

test("weightNorm is the L2 norm over the weights in the file", async () => {
  const { onnx, weightNorm } = await train({ steps: 1 });
  // The only float32 data of that size in the file are the initializers: find each by its name, then field 9.
  let sum = 0;
  for (const values of initializersOf(onnx)) for (const value of values) sum += value * value;
  expect(Math.abs(Math.sqrt(sum) - weightNorm)).toBeLessThan(1e-9);
});

/** Every raw_data in the file: tag 9, length-delimited (0x4a), a length that fits one of the six weights. */
function* initializersOf(onnx: Uint8Array): Generator<Float32Array> {
  const names = ["embedding.a", "embedding.b", "hidden.weight", "hidden.bias", "output.weight", "output.bias"];
  const text = Buffer.from(onnx).toString("latin1");
  for (const name of names) {
    // A name is written once as the node's input and once as the initializer's, right before its data.
    let at = text.lastIndexOf(name) + name.length;
    if (onnx[at++] !== 0x4a) throw new Error(`no data after ${name}`);
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = onnx[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    yield new Float32Array(onnx.slice(at, at + length).buffer);
  }
}
