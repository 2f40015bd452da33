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

/** The network that the settings describe; its initial weights depend on `seed` alone. */
export const createNetwork = (settings: Settings, task: Task): Network =>
  networks[settings.network](settings, task, createRandom(settings.seed, "weights"));
