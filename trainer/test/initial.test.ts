import { beforeAll, expect, test } from "vitest";
import { useBackend } from "../src/backends/backend.ts";
import { readWeights } from "../src/networks/network.ts";
import { createNetwork, networkNames } from "../src/networks/networks.ts";
import { defaults, type Settings } from "../src/settings.ts";
import { createTask } from "../src/tasks/tasks.ts";

beforeAll(() => useBackend("cpu"));

/** A deviation, and where the draws are uniform the bound that none passes. */
interface Drawn {
  readonly deviation: number;
  readonly bound?: number;
}
const normal = (deviation: number): Drawn => ({ deviation });
/** PyTorch's linear layer: uniform within 1 / sqrt(inputs), weights and biases. */
const linear = (inputs: number): Drawn => ({ deviation: 1 / Math.sqrt(3 * inputs), bound: 1 / Math.sqrt(inputs) });
const always = (): Drawn => ({ deviation: 0 });

const sizes = { embedding: 48, hidden: 96, heads: 4 };
test.each<{ name: string; settings: Partial<Settings>; wanted: Record<string, Drawn> }>([
  {
    name: "an MLP, as PyTorch makes embeddings and linear layers",
    settings: { layers: 2 },
    wanted: {
      ...{ "embedding.a": normal(1), "embedding.b": normal(1) },
      ...{ "hidden.weight": linear(48), "hidden.bias": linear(48) },
      ...{ "hidden.2.weight": linear(96), "hidden.2.bias": linear(96) },
      ...{ "output.weight": linear(96), "output.bias": linear(96) },
    },
  },
  {
    name: "an MLP of numbers, whose first layer is linear",
    settings: { task: "parity", bits: 40 },
    wanted: {
      ...{ "embedding.bits": linear(40), "hidden.weight": linear(48), "hidden.bias": linear(48) },
      ...{ "output.weight": linear(96), "output.bias": linear(96) },
    },
  },
  {
    name: "the quadratic network, so small that it starts near zero",
    settings: { network: "quadratic" },
    wanted: Object.fromEntries(
      ["embedding.a", "embedding.b", "output.weight"].map((name) => [name, normal(1 / Math.sqrt(96))]),
    ),
  },
  {
    name: "the transformer, as Nanda's: by the width, the answer by the classes, no biases",
    settings: { network: "transformer", layerNorm: "post" },
    wanted: {
      ...Object.fromEntries(
        [
          ...["tokens", "position.a", "position.b", "position.end"],
          ...["attention.key", "attention.query", "attention.value", "attention.output"],
          ...["mlp.in.weight", "mlp.out.weight"],
        ].map((name) => [name, normal(1 / Math.sqrt(48))]),
      ),
      ...{ "answer.weight": normal(1 / Math.sqrt(47)), "mlp.in.bias": always(), "mlp.out.bias": always() },
      ...{ "attention.norm.gain": always(), "attention.norm.bias": always() },
      ...{ "mlp.norm.gain": always(), "mlp.norm.bias": always() },
    },
  },
])("initial weights of $name", async ({ settings, wanted }) => {
  const chosen = { ...defaults, ...sizes, ...settings };
  const weights = await readWeights(createNetwork(chosen, createTask(chosen)));
  expect([...weights.keys()].sort()).toEqual(Object.keys(wanted).sort());
  for (const [name, values] of weights) {
    const { deviation, bound = Number.POSITIVE_INFINITY } = wanted[name] ?? normal(Number.NaN);
    const centre = name.endsWith("norm.gain") ? 1 : 0;
    const moment = Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / values.length);
    // Four standard errors of a normal deviation, and more of a uniform one.
    const error = 4 / Math.sqrt(2 * values.length);
    expect(Math.abs(moment - deviation), name).toBeLessThanOrEqual(error * deviation);
    expect(Math.max(...values.map(Math.abs)), name).toBeLessThanOrEqual(bound);
  }
});

test.each(networkNames)(
  "an initial scale of 3 makes all weights of the %s network three times as large",
  async (network) => {
    const weightsAt = async (initialScale: number) => {
      const chosen: Settings = { ...defaults, ...sizes, network, initialScale };
      return await readWeights(createNetwork(chosen, createTask(chosen)));
    };
    const [usual, scaled] = [await weightsAt(1), await weightsAt(3)];
    for (const [name, values] of usual) {
      const furthest = Math.max(
        ...values.map((value, i) => Math.abs((scaled.get(name)?.[i] ?? Number.NaN) - 3 * value)),
      );
      expect(furthest, name).toBeLessThan(1e-5);
    }
  },
);
