import { defaults, type Settings } from "../src/settings.ts";

// Every network at each of its settings, small enough to be compared number by number.

const small = { modulus: 5, cornerSide: 1, mirrorPairs: 2, embedding: 4, heads: 2, hidden: 5 };
const bits = { task: "parity", bits: 4, parityBits: 2, parityExamples: 9 } as const;
const hint = { hint: "absent", hintShare: 0.5 } as const;
const transformer = { network: "transformer" } as const;

const changes: readonly { name: string; settings: Partial<Settings> }[] = [
  { name: "a layer that widens", settings: { embedding: 3, hidden: 6 } },
  { name: "a layer that narrows", settings: { embedding: 6, hidden: 3 } },
  { name: "two layers", settings: { layers: 2 } },
  { name: "three layers", settings: { layers: 3 } },
  { name: "three inputs", settings: hint },
  { name: "numbers as inputs", settings: bits },
  { name: "numbers and a hint", settings: { ...bits, ...hint } },
  {
    name: "images, whose numbers have a unit",
    settings: { task: "digits", digitExamples: 10, embedding: 2, hidden: 3 },
  },
  { name: "StableMax", settings: { loss: "stablemax", initialScale: 2 } },
  { name: "squared error", settings: { loss: "squared-error" } },
  { name: "the quadratic network", settings: { network: "quadratic", hidden: 7, initialScale: 2 } },
  { name: "the quadratic network, three inputs", settings: { network: "quadratic", ...hint } },
  { name: "the quadratic network of numbers", settings: { network: "quadratic", ...bits, initialScale: 2 } },
  { name: "the transformer", settings: transformer },
  { name: "the transformer, one head", settings: { ...transformer, heads: 1 } },
  { name: "the transformer, three inputs", settings: { ...transformer, ...hint } },
  { name: "LayerNorm in one block", settings: { ...transformer, layerNorm: "post" } },
  { name: "two blocks", settings: { ...transformer, layers: 2 } },
  { name: "two blocks, three inputs", settings: { ...transformer, layers: 2, ...hint } },
  { name: "LayerNorm in two blocks", settings: { ...transformer, layers: 2, layerNorm: "post" } },
  { name: "LayerNorm in three blocks", settings: { ...transformer, layers: 3, layerNorm: "post" } },
];

export const networkCases: readonly { name: string; settings: Settings }[] = changes.map(({ name, settings }) => ({
  name,
  settings: { ...defaults, ...small, ...settings },
}));

/** For gains and biases, whose initial values hide what forgets them. */
export const perturbed = (size: number) => Array.from({ length: size }, (_, i) => 0.7 + 0.5 * Math.sin(5 * i));
