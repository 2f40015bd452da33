import { createRandom } from "../random.ts";
import type { Settings } from "../settings.ts";
import type { Task } from "../tasks/task.ts";
import { UsageError } from "../usage-error.ts";
import { embeddingMlp } from "./embedding-mlp.ts";
import type { Network } from "./network.ts";
import { quadraticMlp } from "./quadratic-mlp.ts";
import { transformer } from "./transformer.ts";

const networks = { mlp: embeddingMlp, quadratic: quadraticMlp, transformer };

export type NetworkName = keyof typeof networks;
export const networkNames = Object.keys(networks) as NetworkName[];

/**
 * The network that the settings describe; its initial weights depend on `seed` alone. Throws UsageError where they describe one
 * that there is not: it would be another one than was asked for.
 */
export function createNetwork(settings: Settings, task: Task): Network {
  const { network, layers, layerNorm, optimizer, seed } = settings;
  if (network !== "transformer" && layerNorm !== "none") {
    throw new UsageError(`--network ${network} has no LayerNorm: --layer-norm must be none, got ${layerNorm}`);
  }
  if (network === "quadratic" && layers !== 1) {
    throw new UsageError(`--network quadratic has one hidden layer: --layers must be 1, got ${layers}`);
  }
  if (network === "quadratic" && optimizer === "muon") {
    throw new UsageError("--network quadratic has no matrix for --optimizer muon: all of it would be AdamW's");
  }
  return networks[network](settings, task, createRandom(seed, "weights"));
}
