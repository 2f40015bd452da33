import * as ort from "onnxruntime-web/wasm";
import { afterEach, expect, test, vi } from "vitest";
import { createEngine, type Engine, type Question, type Slice } from "../../src/evaluation/engine.ts";
import { joinTallies, type Tally } from "../../src/evaluation/metrics.ts";
import { GraphBuilder } from "../../trainer/src/onnx/graph.ts";
import { createRandom } from "../../trainer/src/random.ts";
import { greedyTable } from "../stack/hostile-models.ts";

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
