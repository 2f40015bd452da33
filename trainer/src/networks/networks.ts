import { createRandom } from "../random.ts";
import type { Settings } from "../settings.ts";
import type { Task } from "../tasks/task.ts";
import { embeddingMlp } from "./embedding-mlp.ts";
import type { Network } from "./network.ts";
import { quadraticMlp } from "./quadratic-mlp.ts";
import { transformer } from "./transformer.ts";

const networks = { mlp: embeddingMlp, quadratic: quadraticMlp, transformer };

export type NetworkName = keyof typeof networks;
export const networkNames = Object.keys(networks) as NetworkName[];

/**
 * The network that the settings describe; its initial weights depend on `seed` alone. Throws where they describe one
 * that there is not: it would be another one than was asked for.
 */
export function createNetwork(settings: Settings, task: Task): Network {
  const { network, layers, layerNorm, optimizer, seed } = settings;
  if (network !== "transformer" && layerNorm !== "none") throw new Error(`the ${network} network has no LayerNorm`);
  if (network === "quadratic" && layers !== 1) throw new Error("the quadratic network has one hidden layer");
  if (network === "quadratic" && optimizer === "muon") {
    throw new Error("the quadratic network has no matrix between hidden layers for muon: all of it would be AdamW's");
  }
  return networks[network](settings, task, createRandom(seed, "weights"));
}
