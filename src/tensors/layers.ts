import type { LayerStatistics } from "./measurement.ts";
import { SquareSum } from "./statistics.ts";

/** PyTorch keeps the tensors that a weight is made of (weight norm, LoRA) under this. */
const PARAMETRIZED = /[./]parametrizations[./].*$/;

/**
 * The layer of a tensor: its name up to the last `.` or `/`, which is where PyTorch, Keras, Flax and their exporters
 * put the module. `h.0.attn.weight` and `h.0.attn.bias` are both of `h.0.attn`; a name without either is a layer of
 * its own. A leading `/`, as ONNX exporters write it, does not count.
 */
export function layerOf(name: string): string {
  const path = name.replace(PARAMETRIZED, "/").replace(/^\/+/, "");
  const end = Math.max(path.lastIndexOf("."), path.lastIndexOf("/"));
  return (end > 0 ? path.slice(0, end) : path) || name;
}

/** Sums weights by layer. */
export class Layers {
  readonly #layers = new Map<string, { readonly squares: SquareSum; parameters: number; nonFinite: number }>();

  add(name: string, squares: SquareSum, parameters: number, nonFinite: number): void {
    const key = layerOf(name);
    const layer = this.#layers.get(key) ?? { squares: new SquareSum(), parameters: 0, nonFinite: 0 };
    layer.squares.add(squares);
    layer.parameters += parameters;
    layer.nonFinite += nonFinite;
    this.#layers.set(key, layer);
  }

  measure(): LayerStatistics[] {
    return Array.from(this.#layers, ([name, { squares, parameters, nonFinite }]) => ({
      name,
      norm: squares.norm(),
      parameters,
      nonFinite,
    }));
  }
}
