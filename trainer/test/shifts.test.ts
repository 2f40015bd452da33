import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSuite } from "../../src/services/suite/read-suite.ts";
import { createRandom } from "../src/random.ts";
import { type SafeTensor, writeSafetensors } from "../src/safetensors.ts";
import { parseShift } from "../src/shifts/options.ts";
import { addShifts } from "../src/shifts/shifts.ts";
import {
  readTables,
  ShiftError,
  type SplitTables,
  type SuiteTables,
  type Table,
  writeTables,
} from "../src/shifts/suite-file.ts";

const random = createRandom(1, "shifts");
const below = (n: number) => Math.floor(random.uniform() * n);
const METADATA = { task: "classification", output: "y" };

function suite(rows: Record<string, number>, make: (rows: number) => Record<string, SafeTensor>): SuiteTables {
  const tensors = Object.entries(rows).flatMap(([split, count]) =>
    Object.entries(make(count)).map(([name, tensor]): [string, SafeTensor] => [`${split}/${name}`, tensor]),
  );
  return readTables(writeSafetensors(new Map(tensors), METADATA));
}

const ROWS = { train: 600, validation: 300 };
const whole = (length: number, size: number) => BigInt64Array.from({ length }, () => BigInt(below(size)));
const target = (rows: number): SafeTensor => ({
  shape: [rows],
  values: BigInt64Array.from({ length: rows }, (_, n) => BigInt(n % 3)),
});
const pairs = () =>
  suite(ROWS, (rows) => ({
    a: { shape: [rows], values: whole(rows, 12) },
    b: { shape: [rows], values: whole(rows, 12) },
    target: target(rows),
  }));
const table = () =>
  suite(ROWS, (rows) => ({
    x: {
      shape: [rows, 4],
      values: Float32Array.from({ length: rows * 4 }, (_, n) => 10 ** (n % 4) * random.normal() + (n % 4)),
    },
    target: target(rows),
  }));
const images = () =>
  suite(ROWS, (rows) => ({
    x: { shape: [rows, 1, 5, 5], values: Float32Array.from({ length: rows * 25 }, () => random.uniform()) },
    target: target(rows),
  }));

const shifted = (given: SuiteTables, ...shifts: string[]) =>
  addShifts(given, shifts.map(parseShift), { from: "validation", seed: 3 });
function splitIn({ splits }: SuiteTables, name: string): SplitTables {
  const split = splits.get(name);
  if (!split) throw new Error(`no split ${name}`);
  return split;
}
const valuesIn = (given: SuiteTables, split: string, name: string) =>
  Array.from(splitIn(given, split).tables.get(name)?.values ?? []);
const column = (values: number[], width: number, index: number) => values.filter((_, n) => n % width === index);
const deviation = (values: number[]) => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
};

const EACH = [
  { name: "noise", make: table, shift: "noise:sigma=0.3" },
  { name: "blur", make: images, shift: "blur:radius=1" },
  { name: "contrast", make: images, shift: "contrast:factor=0.5" },
  { name: "mask", make: table, shift: "mask:columns=x[1]+x[3]" },
  { name: "swap", make: pairs, shift: "swap:columns=b" },
  { name: "relabel", make: pairs, shift: "relabel" },
  { name: "holdout", make: pairs, shift: "holdout:columns=a+b,share=0.2" },
  { name: "range", make: table, shift: "range:column=x[2],share=0.2" },
];

describe.each(EACH)("$name", ({ name, make, shift }) => {
  test("makes a suite that the service takes, and says in it how", async () => {
    const made = shifted(make(), shift);
    const file = writeTables(made);
    expect((await readSuite(file)).splits.map((split) => split.name)).toEqual(["train", "validation", `ood:${name}`]);
    expect(JSON.parse(readTables(file).metadata[`shift:${name}`] ?? "")).toMatchObject({
      shift: name,
      from: "validation",
      seed: 3,
    });
    expect(readTables(file).metadata).toMatchObject(METADATA);
  });

  test("gives the same bytes again", () => {
    const given = make();
    expect(writeTables(shifted(given, shift))).toEqual(writeTables(shifted(given, shift)));
    expect(given.splits.size).toBe(2);
  });
});

test.each(EACH.slice(0, 6))(
  "$name changes inputs, and neither the answers nor the other splits",
  ({ name, make, shift }) => {
    const given = make();
    const made = shifted(given, shift);
    expect(valuesIn(made, `ood:${name}`, "target")).toEqual(valuesIn(given, "validation", "target"));
    expect(made.splits.get("train")).toBe(given.splits.get("train"));
    expect(made.splits.get("validation")).toBe(given.splits.get("validation"));
    const input = given.splits.get("train")?.tables.has("x") ? "x" : "b";
    expect(valuesIn(made, `ood:${name}`, input)).not.toEqual(valuesIn(given, "validation", input));
  },
);

test("noise is as strong in every column as the column is wide", () => {
  const given = table();
  const made = shifted(given, "noise:sigma=0.5");
  const [before, after] = [valuesIn(given, "validation", "x"), valuesIn(made, "ood:noise", "x")];
  for (let n = 0; n < 4; n++) {
    const usual = deviation(column(valuesIn(given, "train", "x"), 4, n));
    const added = deviation(
      column(
        after.map((value, i) => value - (before[i] ?? 0)),
        4,
        n,
      ),
    );
    expect(added / usual).toBeGreaterThan(0.4);
    expect(added / usual).toBeLessThan(0.6);
  }
});

test("a blurred image is the mean of the pixels around each, an image of less contrast keeps its mean", () => {
  const given = images();
  const [before, blurred] = [valuesIn(given, "validation", "x"), valuesIn(shifted(given, "blur"), "ood:blur", "x")];
  const around = [0, 1, 2, 5, 6, 7, 10, 11, 12].map((n) => before[n] ?? 0);
  expect(blurred[6]).toBeCloseTo(around.reduce((a, b) => a + b, 0) / 9, 6);
  const flat = valuesIn(shifted(given, "contrast:factor=0.5"), "ood:contrast", "x").slice(0, 25);
  const image = before.slice(0, 25);
  expect(flat.reduce((a, b) => a + b, 0)).toBeCloseTo(
    image.reduce((a, b) => a + b, 0),
    5,
  );
  expect(deviation(flat)).toBeCloseTo(deviation(image) / 2, 6);
});

test("a masked column says nothing any more, a swapped one keeps its values", () => {
  const given = table();
  const masked = valuesIn(shifted(given, "mask:columns=x[1],to=7"), "ood:mask", "x");
  expect(new Set(column(masked, 4, 1))).toEqual(new Set([7]));
  expect(column(masked, 4, 0)).toEqual(column(valuesIn(given, "validation", "x"), 4, 0));
  const swapped = column(valuesIn(shifted(given, "swap:columns=x[1]"), "ood:swap", "x"), 4, 1);
  expect(swapped.toSorted()).toEqual(column(valuesIn(given, "validation", "x"), 4, 1).toSorted());
});

test("relabelled symbols are one to one, known to train, and none is itself", () => {
  const given = pairs();
  const made = shifted(given, "relabel");
  const becomes = new Map<number, Set<number>>();
  for (const name of ["a", "b"]) {
    const after = valuesIn(made, "ood:relabel", name);
    valuesIn(given, "validation", name).forEach((value, n) => {
      becomes.set(value, (becomes.get(value) ?? new Set()).add(after[n] ?? -1));
    });
  }
  expect([...becomes.values()].every((set) => set.size === 1)).toBe(true);
  expect(new Set([...becomes.values()].flatMap((set) => [...set])).size).toBe(becomes.size);
  expect([...becomes].some(([from, to]) => to.has(from))).toBe(false);
});

test("combinations that are held out are in no other split, and each of their values is", () => {
  const made = shifted(pairs(), "holdout:columns=a+b,share=0.2", "swap:columns=a");
  const keys = (split: string) => {
    const b = valuesIn(made, split, "b");
    return valuesIn(made, split, "a").map((a, n) => `${a} ${b[n]}`);
  };
  const held = new Set(keys("ood:holdout"));
  expect(held.size).toBeGreaterThan(20);
  for (const split of ["train", "validation"]) expect(keys(split).filter((key) => held.has(key))).toEqual([]);
  for (const name of ["a", "b"]) {
    const known = new Set(valuesIn(made, "train", name));
    expect(valuesIn(made, "ood:holdout", name).every((value) => known.has(value))).toBe(true);
  }
  const rows = [...made.splits.values()].map((split) => split.rows);
  // The swapped split is a copy of what is left of validation.
  expect(rows.slice(0, 3).reduce((a, b) => a + b, 0)).toBe(900);
  expect(rows[3]).toBe(rows[1]);
});

test("a range that is held out lies beyond all that train has", () => {
  const made = shifted(table(), "range:column=x[0],share=0.1,side=low");
  const highest = Math.max(...column(valuesIn(made, "ood:range", "x"), 4, 0));
  for (const split of ["train", "validation"]) {
    expect(Math.min(...column(valuesIn(made, split, "x"), 4, 0))).toBeGreaterThan(highest);
  }
  expect(splitIn(made, "train").rows).toBe(540);
});

test.each([
  { make: table, shift: "melt", says: 'no shift "melt"' },
  { make: table, shift: "noise:sigma=-1", says: "sigma must be" },
  { make: table, shift: "noise:amount=1", says: 'no option "amount"' },
  { make: table, shift: "noise:sigma", says: "option=value" },
  { make: pairs, shift: "noise", says: "for numbers" },
  { make: table, shift: "blur", says: "for images" },
  { make: images, shift: "blur:radius=1.5", says: 'radius must be a whole number from 1 to 16, got "1.5"' },
  { make: table, shift: "relabel", says: "for symbols" },
  { make: table, shift: "mask:columns=z", says: 'no column "z"' },
  { make: table, shift: "mask:columns=x[4]", says: "x[0..3]" },
  { make: table, shift: "range", says: "needs a column" },
  { make: table, shift: "holdout:columns=x[0]+x[1]", says: "no combination to spare" },
  { make: pairs, shift: "swap:as=a/b", says: "no name of a split" },
  { make: pairs, shift: "mask:columns=a,to=1.5", says: '"a" is I64, which cannot be 1.5' },
  { make: table, shift: "mask:to=much", says: "to must be mean or a number" },
  { make: table, shift: "toString", says: 'no shift "toString"' },
])("$shift is refused, and says why", ({ make, shift, says }) => {
  expect(() => shifted(make(), shift)).toThrow(says);
});

/** Images whose pixels are bytes, and halves. */
const pixels = (dtype: "U8" | "F16") => {
  const shape = [3, 4, 4];
  const tableOf = (rows: number): Map<string, Table> => {
    const values = Float64Array.from({ length: rows * 48 }, () => (dtype === "U8" ? below(256) : below(256) / 256));
    const target = Float64Array.from({ length: rows }, (_, n) => n % 3);
    return new Map([
      ["x", { dtype, shape, values }],
      ["target", { dtype: "U8", shape: [], values: target }],
    ]);
  };
  const splits = new Map(Object.entries(ROWS).map(([name, rows]) => [name, { rows, tables: tableOf(rows) }]));
  return readTables(writeTables({ splits, metadata: METADATA }));
};

test.each(["noise:sigma=2", "blur:radius=2", "contrast:factor=3", "mask:share=0.5", "swap:share=0.5"])(
  "%s keeps the type of pixels, bytes within their range, and makes a suite",
  async (shift) => {
    for (const dtype of ["U8", "F16"] as const) {
      const file = writeTables(shifted(pixels(dtype), shift));
      expect((await readSuite(file)).inputs).toMatchObject([{ dtype: dtype === "U8" ? "uint8" : "float16" }]);
      const values = valuesIn(readTables(file), `ood:${shift.split(":")[0]}`, "x");
      expect(values.every((value) => Number.isFinite(value))).toBe(true);
    }
  },
);

test("contrast beyond what a byte holds ends at black and white", () => {
  const given = pixels("U8");
  const [before, after] = [
    valuesIn(given, "validation", "x"),
    valuesIn(shifted(given, "contrast:factor=9"), "ood:contrast", "x"),
  ];
  for (let from = 0; from < 480; from += 16) {
    const image = before.slice(from, from + 16);
    const mean = image.reduce((a, b) => a + b, 0) / 16;
    const want = image.map((value) => Math.min(255, Math.max(0, Math.round(mean + 9 * (value - mean)))));
    expect(after.slice(from, from + 16)).toEqual(want);
  }
});

test("of tokens a shift keeps every position's target and mask", async () => {
  const given = suite(ROWS, (rows) => ({
    x: { shape: [rows, 6], values: whole(rows * 6, 30) },
    target: { shape: [rows, 6], values: whole(rows * 6, 30) },
    target_mask: { shape: [rows, 6], values: whole(rows * 6, 2) },
  }));
  const made = shifted(given, "relabel:targets=yes", "holdout:columns=x[0]+x[5]", "swap:columns=x[2]");
  const file = writeTables(made);
  expect((await readSuite(file)).splits).toMatchObject([
    { name: "train" },
    { name: "validation" },
    { name: "ood:holdout" },
    { name: "ood:relabel" },
    { name: "ood:swap" },
  ]);
  expect(valuesIn(made, "ood:swap", "target")).toEqual(valuesIn(made, "validation", "target"));
  expect(valuesIn(made, "ood:relabel", "target_mask")).toEqual(valuesIn(made, "validation", "target_mask"));
  const becomes = new Map(
    valuesIn(made, "validation", "x").map((from, n) => [from, valuesIn(made, "ood:relabel", "x")[n]]),
  );
  expect(valuesIn(made, "ood:relabel", "target")).toEqual(
    valuesIn(made, "validation", "target").map((token) => becomes.get(token)),
  );
});

/** A safetensors file of this header and these bytes. */
function fileOf(header: unknown, data = 8): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + data);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}
const entry = { dtype: "I64", shape: [1], data_offsets: [0, 8] };
const huge = fileOf({ "train/x": entry });
huge.fill(0x7f, huge.length - 8);

test.each([
  { name: "nothing", file: new Uint8Array(), says: "cut short" },
  { name: "text", file: new TextEncoder().encode("step,train\n1,0.5\n".repeat(9)), says: "cut short" },
  { name: "a header that is no JSON", file: fileOf("{train"), says: "no JSON" },
  { name: "a list for a header", file: fileOf("[]"), says: "no object" },
  { name: "metadata of numbers", file: fileOf({ __metadata__: { seed: 1 } }), says: "strings" },
  {
    name: "an entry without a place",
    file: fileOf({ "train/x": { dtype: "I64", shape: [1] } }),
    says: '"train/x" has no',
  },
  { name: "bfloat16", file: fileOf({ "train/x": { ...entry, dtype: "BF16" } }), says: "BF16: shifts know F64" },
  { name: "a type of JavaScript's", file: fileOf({ "train/x": { ...entry, dtype: "toString" } }), says: "toString" },
  { name: "a negative length", file: fileOf({ "train/x": { ...entry, shape: [-1] } }), says: '"train/x" has no' },
  { name: "bytes for another shape", file: fileOf({ "train/x": { ...entry, shape: [2] } }), says: "asks for others" },
  { name: "an end beyond the file", file: fileOf({ "train/x": entry }, 4), says: 'ends before "train/x"' },
  { name: "a tensor of no split", file: fileOf({ x: entry }), says: "in no split" },
  { name: "a whole number that no number keeps", file: huge, says: "beyond what shifts keep exact" },
])("$name is no suite, and it is said why", ({ file, says }) => {
  expect(() => readTables(file)).toThrow(ShiftError);
  expect(() => readTables(file)).toThrow(says);
});

test("two shifts of one name are told to be named", () => {
  expect(() => shifted(table(), "noise", "noise:sigma=2")).toThrow("as=NAME");
  expect([...shifted(table(), "noise", "noise:sigma=2,as=loud").splits.keys()]).toContain("ood:loud");
});

describe("the command", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "curie-point-shifts-"));
    writeFileSync(join(folder, "suite.safetensors"), writeTables(pairs()));
    writeFileSync(join(folder, "text.csv"), "step,train_accuracy\n1,0.5\n");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(import.meta.dirname, "..", "scripts", "shifts.ts");

  test("writes the suite and says what is in it", () => {
    const out = join(folder, "out.safetensors");
    const said = execFileSync(
      process.execPath,
      [script, join(folder, "suite.safetensors"), "--out", out, "--shift", "holdout:columns=a+b", "--seed", "5"],
      { encoding: "utf8" },
    );
    expect(said).toMatch(/^train {2}\d+ rows {2}was 600\nvalidation {2}\d+ rows {2}was 300\nood:holdout {2}\d+ rows/);
    expect(readTables(readFileSync(out)).metadata["shift:holdout"]).toContain('"seed":5');
  });

  test.each([
    { args: ["--out", "x"], says: "usage" },
    { args: ["suite.safetensors", "--out", "x", "--shift", "noise", "--sead", "3"], says: "--sead" },
    { args: ["suite.safetensors", "--out", "no/such/x", "--shift", "swap"], says: "ENOENT" },
    { args: ["text.csv", "--out", "x", "--shift", "swap"], says: "no safetensors file" },
    { args: ["suite.safetensors", "--out", "x", "--shift", "noise", "--seed=-1"], says: "--seed must be" },
    { args: ["missing.safetensors", "--out", "x", "--shift", "noise"], says: "ENOENT" },
    { args: ["suite.safetensors", "--out", "x", "--shift", "noise", "--from", "test"], says: 'no split "test"' },
  ])("$args ends with 2 and one line", ({ args, says }) => {
    const { status, stderr } = spawnSync(process.execPath, [script, ...args], { cwd: folder, encoding: "utf8" });
    expect(status).toBe(2);
    expect(stderr).toContain(says);
    expect(stderr).not.toContain("    at ");
  });
});
