import * as ort from "onnxruntime-web/wasm";
import { afterEach, expect, test, vi } from "vitest";
import { createEngine, type Engine, type Question, type Slice } from "../../src/evaluation/engine.ts";
import { joinTallies, type Tally } from "../../src/evaluation/metrics.ts";
import { GraphBuilder } from "../../trainer/src/onnx/graph.ts";
import { createRandom } from "../../trainer/src/random.ts";
import { greedyTable } from "../stack/hostile-models.ts";
import {
  FLOAT,
  INT64,
  initializer,
  integer,
  message,
  node,
  model as onnxModel,
  text,
  value,
} from "../tensors/onnx-builder.ts";

// The engine as workerd has it, on the same WASM, in Node: one heap of 80 MiB for all tests of this file.

const [ROWS, WIDTH, CLASSES] = [300, 12, 7];
const random = createRandom(5, "engine");
const normals = (length: number) => Float32Array.from({ length }, () => random.normal());
const question: Question = { output: "logits", scoring: { task: "classification", ignoreIndex: null } };

/** Two layers; `hidden` decides how many bytes the file has. */
function network(name: string, hidden: number): Uint8Array {
  const graph = new GraphBuilder(name);
  const x = graph.input("x", "float32", ["N", WIDTH]);
  const h = graph.relu("h", graph.matmul("a", x, graph.weight("w1", normals(WIDTH * hidden), [WIDTH, hidden])));
  const g = graph.relu("g", graph.matmul("b", h, graph.weight("w2", normals(hidden * hidden), [hidden, hidden])));
  graph.output(graph.matmul("logits", g, graph.weight("w3", normals(hidden * CLASSES), [hidden, CLASSES])));
  return graph.finish();
}

const bytesOf = (values: Float32Array | BigInt64Array) => new Uint8Array(values.buffer);
const [inputs, targets] = [normals(ROWS * WIDTH), BigInt64Array.from({ length: ROWS }, (_, n) => BigInt(n % CLASSES))];

function slice(first = 0, last = ROWS): Slice {
  const rows = last - first;
  return {
    inputs: {
      x: { dtype: "float32", shape: [rows, WIDTH], bytes: bytesOf(inputs.slice(first * WIDTH, last * WIDTH)) },
    },
    targets: { dtype: "int64", shape: [rows], bytes: bytesOf(targets.slice(first, last)) },
    mask: null,
  };
}

const scoreOf = (engine: Engine, name: string, bytes: Uint8Array, of = slice()) =>
  engine.score({ digest: name, load: async () => bytes }, question, of);

const creations = vi.spyOn(ort.InferenceSession, "create");
afterEach(() => creations.mockClear());
/** Sessions that were made, of files longer than what makes ONNX Runtime start. */
const made = () => creations.mock.calls.filter(([file]) => (file as Uint8Array).byteLength > 100).length;

/** Rows' losses are kept as they are: what is summed is summed elsewhere, in the rows' order. */
const told = ({ correct, total, classes, correctness, rowLosses }: Tally) => ({
  ...{ correct, total, classes },
  ...{ correctness: Array.from(correctness), rowLosses: Array.from(rowLosses) },
});

test.each([
  { weights: "packed", hidden: 256 },
  { weights: "not packed", hidden: 1500 },
])("batches and slices of any size say the same of every row, to the last bit: $weights", async ({ hidden }) => {
  const bytes = network(`cut ${hidden}`, hidden);
  const whole = told(await scoreOf(createEngine(), "whole", bytes));
  expect(whole.correct).toBeGreaterThan(0);
  for (const mostRows of [2, 7, 64, 299]) {
    expect(told(await scoreOf(createEngine({ mostRows }), "cut", bytes)), `${mostRows}`).toEqual(whole);
  }
  const engine = createEngine();
  const parts: Tally[] = [];
  for (const [first, last] of [
    [0, 1],
    [1, 130],
    [130, 131],
    [131, 300],
  ]) {
    parts.push(await scoreOf(engine, "parts", bytes, slice(first, last)));
  }
  expect(told(joinTallies(parts))).toEqual(whole);
});

test("small models have their sessions side by side; a large one stands alone", async () => {
  const engine = createEngine();
  const [a, b, large] = [network("a", 64), network("b", 64), network("large", 1100)];
  for (let turn = 0; turn < 3; turn += 1) {
    await scoreOf(engine, "side a", a);
    await scoreOf(engine, "side b", b);
  }
  expect(made()).toBe(2);
  await scoreOf(engine, "side large", large);
  await scoreOf(engine, "side a", a);
  expect(made()).toBe(4);
});

test("a session is made ahead of the first slice, and the bytes are asked for once", async () => {
  const engine = createEngine();
  const bytes = network("ahead", 64);
  const load = vi.fn(async () => bytes);
  const model = { digest: "ahead", load };
  await engine.prepare(model);
  await engine.prepare(model);
  await engine.score(model, question, slice());
  expect([load.mock.calls.length, made()]).toEqual([1, 1]);
  // Who has a use for the bytes gets them beside a session, and no second session is made.
  await engine.prepare({ ...model, loadAlways: true });
  expect([load.mock.calls.length, made()]).toEqual([2, 1]);
});

test("batches that did not fit the heap are not tried again", async () => {
  const rows = BigInt64Array.from({ length: 320 }, (_, n) => BigInt(n));
  const known: Slice = {
    inputs: { row: { dtype: "int64", shape: [320], bytes: bytesOf(rows) } },
    targets: { dtype: "int64", shape: [320], bytes: bytesOf(rows.map((row) => row % 10n)) },
    mask: null,
  };
  // 1.2 MB a row: 40 fit.
  const { correct } = await scoreOf(createEngine(), "greedy", greedyTable("greedy", 300_000), known);
  expect(correct).toBe(320);
  // At first, and after 256, 128 and 64 rows were too many.
  expect(made()).toBe(4);
});

/** Answers each row with how many it was given together. */
function rowCounter(dtype: "float32" | "int64", width: number): Uint8Array {
  return onnxModel([
    node("Shape", ["x"], ["shape"]),
    node("Gather", ["shape", "first"], ["count"]),
    node("Cast", ["count"], ["number"], message(5, text(1, "to"), integer(3, FLOAT), integer(20, 2))),
    node("Expand", ["number", "count"], ["rows"]),
    text(2, "counter"),
    initializer("first", INT64, [1], bytesOf(BigInt64Array.of(0n))),
    value(11, "x", dtype === "float32" ? FLOAT : INT64, ["N", width]),
    value(12, "rows", FLOAT, ["N"]),
  ]);
}

test.each([
  { what: "256 narrow rows", dtype: "float32", width: 16, rows: 256 },
  { what: "fewer rows of many numbers", dtype: "float32", width: 4096, rows: 64 },
  { what: "fewer rows of many indices", dtype: "int64", width: 64, rows: 64 },
  { what: "a single row of very many", dtype: "float32", width: 262_144, rows: 1 },
] as const)("a forward pass has $what", async ({ dtype, width, rows }) => {
  const given = rows === 1 ? 3 : 2 * rows;
  const values = dtype === "float32" ? new Float32Array(given * width) : new BigInt64Array(given * width);
  const counted: Slice = {
    inputs: { x: { dtype, shape: [given, width], bytes: bytesOf(values) } },
    targets: { dtype: "float32", shape: [given], bytes: bytesOf(new Float32Array(given).fill(rows)) },
    mask: null,
  };
  const model = { digest: `rows ${dtype} ${width}`, load: async () => rowCounter(dtype, width) };
  const asked: Question = { output: "rows", scoring: { task: "regression", tolerance: 0.1, relativeTolerance: 0 } };
  const { correct, total } = await createEngine().score(model, asked, counted);
  expect({ correct, total }).toEqual({ correct: given, total: given });
});
