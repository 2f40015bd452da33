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

/** Throws UsageError where the settings describe a network that there is not: it would be another than was asked for. */
export function checkNetwork({ network, layers, layerNorm, embedding, heads, optimizer }: Settings, task: Task): void {
  if (network === "transformer") {
    const [name] = [...task.inputs].find(([, { kind }]) => kind === "numbers") ?? [];
    if (name !== undefined) {
      throw new UsageError(`--network transformer reads symbols, and the ${name} of --task ${task.name} are numbers`);
    }
    if (embedding % heads !== 0) {
      throw new UsageError(`--heads must divide --embedding, ${embedding}, got ${heads}`);
    }
    return;
  }
  if (layerNorm !== "none") {
    throw new UsageError(`--network ${network} has no LayerNorm: --layer-norm must be none, got ${layerNorm}`);
  }
  if (network !== "quadratic") return;
  if (layers !== 1) throw new UsageError(`--network quadratic has one hidden layer: --layers must be 1, got ${layers}`);
  if (optimizer === "muon") {
    throw new UsageError("--network quadratic has no matrix for --optimizer muon: all of it would be AdamW's");
  }
}

/** The network that the settings describe; its initial weights depend on `seed` alone. */
export const createNetwork = (settings: Settings, task: Task): Network =>
  networks[settings.network](settings, task, createRandom(settings.seed, "weights"));
