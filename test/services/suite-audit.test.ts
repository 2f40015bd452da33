import { describe, expect, test } from "vitest";
import { readSuite } from "../../src/services/suite/read-suite.ts";
import { createRandom } from "../../trainer/src/random.ts";
import { type SafeTensor, writeSafetensors } from "../../trainer/src/safetensors.ts";

type Rows = number[][];
type Tensors = [string, SafeTensor][];

function split(name: string, rows: Rows, targets: number[], dtype: "int64" | "float32" = "int64"): Tensors {
  const values = dtype === "int64" ? BigInt64Array.from(rows.flat(), BigInt) : Float32Array.from(rows.flat());
  return [
    [`${name}/x`, { shape: [rows.length, rows[0]?.length ?? 0], values }],
    [`${name}/target`, { shape: [rows.length], values: BigInt64Array.from(targets, BigInt) }],
  ];
}

const fileOf = (splits: Tensors[]) => writeSafetensors(new Map(splits.flat()), { task: "classification", output: "y" });
const audit = async (...splits: Tensors[]) => (await readSuite(fileOf(splits))).audit.splits;

test("what is repeated, what train has, and what train has otherwise", async () => {
  const train = [
    [0, 1],
    [0, 2],
    [0, 3],
    [0, 3],
  ];
  const ood = [
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 0],
    [1, 0],
  ];
  const [first, second] = await audit(split("train", train, [0, 1, 2, 2]), split("ood:x", ood, [0, 0, 0, 1, 9]));
  expect(first).toMatchObject({
    split: "train",
    classes: 3,
    majority: { class: 2, share: 0.5 },
    duplicateRows: 1,
    inTrain: null,
    nearTrain: null,
  });
  expect(second).toMatchObject({
    classes: 3,
    majority: { class: 0, share: 0.6 },
    unseenClasses: 1,
    duplicateRows: 2,
    inTrain: 2,
    conflicting: 1,
    // Rows of two numbers are the same or not.
    nearTrain: null,
  });
});

test("balance is the entropy of the classes over that of equal ones", async () => {
  const rows = Array.from({ length: 8 }, (_, n) => [n]);
  const [even, skewed] = await audit(
    split("train", rows, [0, 1, 2, 3, 0, 1, 2, 3]),
    split("ood:x", rows, [0, 0, 0, 0, 0, 0, 1, 1]),
  );
  expect(even).toMatchObject({ classes: 4, balance: 1, majority: { class: 0, share: 0.25 } });
  expect(skewed).toMatchObject({ classes: 2, majority: { class: 0, share: 0.75 } });
  expect(skewed?.balance).toBeCloseTo(-(0.75 * Math.log2(0.75) + 0.25 * Math.log2(0.25)), 12);
});

test("what a split can show: 1.96 sqrt(1/2n), and six that all flip one way; repeats say nothing new", async () => {
  const rows = Array.from({ length: 200 }, (_, n) => [n]);
  const labels = rows.map((_, n) => n % 2);
  const [train, repeated] = await audit(
    split("train", rows, labels),
    split(
      "ood:x",
      rows.map(([n = 0]) => [1000 + (n % 100)]),
      labels,
    ),
  );
  expect(train?.resolves.independent).toBeCloseTo(1.959964 * Math.sqrt(1 / 400), 12);
  expect(train?.resolves.paired).toBeCloseTo(6 / 200, 12);
  expect(repeated?.resolves.paired).toBeCloseTo(6 / 100, 12);
  const [few] = await audit(split("train", rows.slice(0, 5), labels.slice(0, 5)), split("ood:x", rows, labels));
  expect(few?.resolves.paired).toBeNull();
  const { audit: whole } = await readSuite(fileOf([split("train", rows, labels), split("ood:x", rows, labels)]));
  // 1.959964^2 / 2 / .01^2
  expect(whole.examplesForOnePoint).toBe(19_208);
});

const random = createRandom(3, "audit");
const below = (n: number) => Math.floor(random.uniform() * n);
const many = (count: number, make: () => number[]): Rows => Array.from({ length: count }, make);
const labelsOf = (rows: Rows) => rows.map((_, n) => n % 2);

const text = () => Array.from({ length: 40 }, () => below(500));
/** Mostly background, as images are. */
const image = () => Array.from({ length: 196 }, () => (random.uniform() < 0.7 ? 0 : random.uniform()));
const table = () => Array.from({ length: 24 }, (_, column) => random.normal() * 10 ** (column % 4));
const bits = () => Array.from({ length: 40 }, () => below(2));

const KINDS = [
  {
    name: "text with three words replaced",
    dtype: "int64",
    make: text,
    change: (row: number[]) => row.with(0, below(500)).with(1, below(500)).with(39, below(500)),
  },
  {
    name: "text that begins a word later",
    dtype: "int64",
    make: text,
    change: (row: number[]) => [7, ...row].slice(0, 40),
  },
  {
    name: "images with a little noise",
    dtype: "float32",
    make: image,
    change: (row: number[]) => row.map((value) => (value === 0 ? 0 : value + 0.002 * random.normal())),
  },
  {
    name: "tables with one number changed",
    dtype: "float32",
    make: table,
    change: (row: number[]) => row.with(5, 1e6),
  },
  {
    name: "bits with one flipped",
    dtype: "int64",
    make: bits,
    change: (row: number[]) => row.with(3, 1 - (row[3] ?? 0)),
  },
] as const;

describe.each(KINDS)("$name", ({ dtype, make, change }) => {
  const train = many(400, make);
  const others = many(200, make);
  const nearly = train.slice(0, 200).map((row) => change(row));

  test("are near train", async () => {
    const [, ood] = await audit(
      split("train", train, labelsOf(train), dtype),
      split("ood:x", nearly, labelsOf(nearly), dtype),
    );
    expect(ood?.inTrain).toBe(0);
    expect(ood?.nearTrain).toBeGreaterThan(190);
  });

  test("are not, where they were drawn anew", async () => {
    const [, ood] = await audit(
      split("train", train, labelsOf(train), dtype),
      split("ood:x", others, labelsOf(others), dtype),
    );
    expect(ood).toMatchObject({ inTrain: 0, nearTrain: 0 });
  });
});
