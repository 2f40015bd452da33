import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { type BackendName, backendNames, startBackend } from "../src/backends/backend.ts";
import { type LossName, losses } from "../src/networks/losses.ts";
import { readWeights } from "../src/networks/network.ts";
import { createNetwork } from "../src/networks/networks.ts";
import { oneHot } from "../src/networks/operations.ts";
import type { Settings } from "../src/settings.ts";
import { pickExamples, type Split, splitOf, type Task } from "../src/tasks/task.ts";
import { createTask } from "../src/tasks/tasks.ts";
import { gradientsOf } from "../src/train.ts";
import { networkCases, perturbed } from "./network-cases.ts";

// The reference computes in double precision, where central differences at this step are good to about 1e-9; what is
// left is the float32 of the gradients themselves, which reach 0.1.
const STEP = 1e-6;
const TOLERANCE = 1e-6;
// SwiftShader compiles each kernel for the CPU at its first use.
const SLOW_MS = 120_000;

/** What one row serves every example of has another shape where there is one example. */
const ofOneExample = new Set(["the transformer", "LayerNorm in two blocks", "three inputs"]);
const cases = networkCases.flatMap(({ name, settings }) => [
  { name, settings },
  ...(ofOneExample.has(name) ? [{ name: `${name}, of one example`, settings: { ...settings, batch: 1 } }] : []),
]);

// Whatever is installed; what is not says so in its name.
const backends: { name: BackendName; reason: string | null }[] = [];
for (const name of backendNames) backends.push({ name, reason: await startBackend(name) });

describe.each(backends)("gradients on $name (absent: $reason)", ({ name, reason }) => {
  const onBackend = test.skipIf(reason !== null);
  beforeAll(async () => {
    if (reason === null) await startBackend(name);
  });

  onBackend.each(cases)("agree with finite differences: $name", { timeout: SLOW_MS }, async ({ settings }) => {
    const task = createTask(settings);
    const network = createNetwork(settings, task);
    // At their initial values a gradient that forgets the gains, or the biases, would be right too.
    for (const [name, weight] of network.weights) {
      if (/norm|bias/.test(name)) weight.assign(tf.tensor(perturbed(weight.size), weight.shape));
    }
    const train = splitOf(task, "train");
    const split = settings.batch === 0 ? train : pickExamples(task, train, [0]);
    const inputs = network.encode(split);
    const target = oneHot(split.target, task.classes);
    const gradients = gradientsOf(network, inputs, target, losses[settings.loss]);
    const values = new Map<string, Float64Array>();
    for (const [name, floats] of await readWeights(network)) values.set(name, Float64Array.from(floats));

    let largest = 0;
    for (const [name, numbers] of values) {
      const gradient = (await gradients.get(name)?.data()) ?? [];
      const lossWith = (index: number, value: number) =>
        referenceLoss(new Map(values).set(name, numbers.with(index, value)), split, task, settings);
      numbers.forEach((value, index) => {
        const difference = (lossWith(index, value + STEP) - lossWith(index, value - STEP)) / (2 * STEP);
        expect(Math.abs((gradient[index] ?? Number.NaN) - difference), `${name}[${index}]`).toBeLessThan(TOLERANCE);
        largest = Math.max(largest, Math.abs(difference));
      });
    }
    // Gradients far above the tolerance, or the comparison would prove nothing.
    expect(largest).toBeGreaterThan(0.05);
  });
});

type Weights = ReadonlyMap<string, Float64Array>;

/** The network and its loss once more, in plain loops over doubles. */
function referenceLoss(weights: Weights, split: Split, task: Task, settings: Settings): number {
  const logits = settings.network === "transformer" ? transformerLogits : mlpLogits;
  const values = Array.from(split.target, (label, example) =>
    referenceLosses[settings.loss](logits(weights, split, example, task, settings), label),
  );
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Row times matrix [inputs, outputs]. */
const times = (row: readonly number[], matrix: Float64Array = Float64Array.of()): number[] => {
  const outputs = matrix.length / row.length;
  return Array.from({ length: outputs }, (_, j) =>
    row.reduce((sum, x, i) => sum + x * (matrix[i * outputs + j] ?? Number.NaN), 0),
  );
};
const plus = (x: readonly number[], y: ArrayLike<number> = []): number[] =>
  x.map((value, i) => value + (y[i] ?? Number.NaN));

function transformerLogits(
  weights: Weights,
  split: Split,
  example: number,
  { inputs }: Task,
  { embedding: width, heads, layers, layerNorm }: Settings,
): number[] {
  const at = (name: string) => weights.get(name) ?? Float64Array.of();
  const tokenOf = (name: string) => {
    const symbol = split.inputs[name]?.[example] ?? -1;
    return [...at("tokens").subarray(symbol * width, (symbol + 1) * width)];
  };
  const placed = [...inputs.keys()].map((name) => plus(tokenOf(name), at(`position.${name}`)));
  let stream = [...placed, [...at("position.end")]];
  const depth = width / heads;
  for (let layer = 1; layer <= layers; layer++) {
    const of = (name: string) => at(layer === 1 ? name : `layer${layer}.${name}`);
    const normed = (part: string, row: number[]) => {
      if (layerNorm === "none") return row;
      const mean = row.reduce((sum, x) => sum + x, 0) / width;
      const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / width;
      const [gain, bias] = [of(`${part}.norm.gain`), of(`${part}.norm.bias`)];
      return row.map((x, i) => ((x - mean) / Math.sqrt(variance + 1e-5)) * (gain[i] ?? 0) + (bias[i] ?? 0));
    };
    const [keys, values] = ["key", "value"].map((kind) => stream.map((row) => times(row, of(`attention.${kind}`))));
    stream = stream.map((row, asking) => {
      const question = times(row, of("attention.query"));
      const mixed = Array.from({ length: heads }, (_, head) => {
        const part = (row: readonly number[] = []) => row.slice(head * depth, (head + 1) * depth);
        const raised = (keys ?? [])
          .slice(0, asking + 1)
          .map((row) =>
            Math.exp(part(row).reduce((sum, x, i) => sum + x * (part(question)[i] ?? 0), 0) / Math.sqrt(depth)),
          );
        const total = raised.reduce((sum, x) => sum + x, 0);
        return Array.from({ length: depth }, (_, i) =>
          raised.reduce((sum, x, position) => sum + (x / total) * (part(values?.[position])[i] ?? Number.NaN), 0),
        );
      }).flat();
      const attended = normed("attention", plus(times(mixed, of("attention.output")), row));
      const activations = plus(times(attended, of("mlp.in.weight")), of("mlp.in.bias")).map((x) => Math.max(x, 0));
      const written = plus(times(activations, of("mlp.out.weight")), of("mlp.out.bias"));
      return normed("mlp", plus(attended, written));
    });
  }
  return times(stream.at(-1) ?? [], at("answer.weight"));
}

function mlpLogits(
  weights: Weights,
  split: Split,
  example: number,
  { inputs, classes }: Task,
  { network, embedding, hidden, layers }: Settings,
): number[] {
  const at = (name: string, index: number) => weights.get(name)?.[index] ?? Number.NaN;
  const layer = (name: string, input: number[], outputs: number) =>
    Array.from({ length: outputs }, (_, output) =>
      input.reduce(
        (sum, x, i) => sum + x * at(`${name}.weight`, i * outputs + output),
        weights.has(`${name}.bias`) ? at(`${name}.bias`, output) : 0,
      ),
    );
  const width = network === "quadratic" ? hidden : embedding;
  const embedded = Array.from({ length: width }, (_, i) => {
    let sum = 0;
    for (const [name, input] of inputs) {
      const column = split.inputs[name] ?? [];
      if (input.kind === "symbol") sum += at(`embedding.${name}`, (column[example] ?? -1) * width + i);
      else
        for (let j = 0; j < input.width; j++)
          sum +=
            (column[example * input.width + j] ?? Number.NaN) * input.unit * at(`embedding.${name}`, j * width + i);
    }
    return sum;
  });
  let activations = network === "quadratic" ? embedded.map((x) => x * x) : embedded;
  for (let i = 1; network === "mlp" && i <= layers; i++) {
    activations = layer(i === 1 ? "hidden" : `hidden.${i}`, activations, hidden).map((x) => Math.max(x, 0));
  }
  return layer("output", activations, classes);
}

const referenceLosses: Record<LossName, (logits: number[], label: number) => number> = {
  "cross-entropy": (logits, label) =>
    Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - (logits[label] ?? Number.NaN),
  stablemax: (logits, label) => {
    const weights = logits.map((logit) => (logit >= 0 ? logit + 1 : 1 / (1 - logit)));
    return -Math.log((weights[label] ?? Number.NaN) / weights.reduce((sum, weight) => sum + weight, 0));
  },
  "squared-error": (logits, label) =>
    logits.reduce((sum, logit, i) => sum + (logit - (i === label ? 1 : 0)) ** 2, 0) / logits.length,
};
