import { beforeAll, describe, expect, test } from "vitest";
import { useBackend } from "../src/backends/backend.ts";
import { embeddingMlp } from "../src/networks/embedding-mlp.ts";
import { oneHot } from "../src/networks/operations.ts";
import { createRandom } from "../src/random.ts";
import { modularAddition } from "../src/tasks/modular-addition.ts";
import { type Split, splitOf } from "../src/tasks/task.ts";
import { gradientsOf } from "../src/train.ts";

// The reference computes in double precision, where central differences at this step are good to about 1e-9; what is
// left is the float32 of the gradients themselves, which reach 0.1.
const STEP = 1e-6;
const TOLERANCE = 1e-6;

const task = modularAddition({ modulus: 5, trainShare: 0.5, cornerSide: 1, mirrorPairs: 2 }, createRandom(1, "splits"));
const shapes = [
  { name: "a layer that widens", embedding: 3, hidden: 6 },
  { name: "a layer that narrows", embedding: 6, hidden: 3 },
];

describe.each(["cpu", "wasm"] as const)("gradients on %s", (backend) => {
  beforeAll(() => useBackend(backend));

  test.each(shapes)("agree with finite differences: $name", (settings) => {
    const network = embeddingMlp(settings, task, createRandom(2, "weights"));
    const split = splitOf(task, "train");
    const inputs = network.encode(split);
    const target = oneHot(split.target, task.classes);
    const gradients = gradientsOf(network, inputs, target);
    const values = new Map([...network.weights].map(([name, weight]) => [name, Float64Array.from(weight.dataSync())]));

    let largest = 0;
    for (const [name, numbers] of values) {
      const gradient = gradients.get(name)?.dataSync() ?? [];
      const lossWith = (index: number, value: number) =>
        referenceLoss(new Map(values).set(name, numbers.with(index, value)), split, settings);
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

/** The network and its loss once more, in plain loops over doubles. */
function referenceLoss(
  weights: ReadonlyMap<string, Float64Array>,
  split: Split,
  { embedding, hidden }: { embedding: number; hidden: number },
): number {
  const at = (name: string, index: number) => weights.get(name)?.[index] ?? Number.NaN;
  const layer = (name: string, input: number[], outputs: number) =>
    Array.from({ length: outputs }, (_, output) =>
      input.reduce((sum, x, i) => sum + x * at(`${name}.weight`, i * outputs + output), at(`${name}.bias`, output)),
    );
  const losses = Array.from(split.target, (label, example) => {
    const [a, b] = [split.inputs["a"]?.[example] ?? -1, split.inputs["b"]?.[example] ?? -1];
    const embedded = Array.from(
      { length: embedding },
      (_, i) => at("embedding.a", a * embedding + i) + at("embedding.b", b * embedding + i),
    );
    const activations = layer("hidden", embedded, hidden).map((x) => Math.max(x, 0));
    const logits = layer("output", activations, task.classes);
    return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - (logits[label] ?? Number.NaN);
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
