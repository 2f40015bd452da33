import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import util from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { UsageError } from "../usage-error.ts";

interface Backend {
  /** TensorFlow.js's name for it. */
  readonly registered: string;
  /** What has to be installed beside the trainer. */
  readonly packages: readonly string[];
  /** Each loads its kernels only when asked for: the wasm ones alone are a megabyte. */
  load(): Promise<unknown>;
}

// In the order in which `auto` tries them; the fastest that starts is taken.
const backends = {
  "node-gpu": native("@tensorflow/tfjs-node-gpu"),
  node: native("@tensorflow/tfjs-node"),
  webgpu: { registered: "webgpu", packages: ["webgpu", "@tensorflow/tfjs-backend-webgpu"], load: loadWebGpu },
  wasm: { registered: "wasm", packages: [], load: () => import("@tensorflow/tfjs-backend-wasm") },
  cpu: { registered: "cpu", packages: [], load: () => import("@tensorflow/tfjs-backend-cpu") },
} satisfies Record<string, Backend>;

export type BackendName = keyof typeof backends;
export const backendNames = Object.keys(backends) as BackendName[];
export const backendChoices = ["auto", ...backendNames] as const;
export type BackendChoice = (typeof backendChoices)[number];

/** Makes `name` the backend on which every tensor from here on lives. Null, or why it cannot be. */
export async function startBackend(name: BackendName): Promise<string | null> {
  const { registered, packages, load }: Backend = backends[name];
  const missing = packages.find((name) => !isInstalled(name));
  if (missing !== undefined) return `${missing} is not installed`;
  try {
    await load();
  } catch (error) {
    return `does not start: ${firstLine(error)}`;
  }
  return (await tf.setBackend(registered)) ? null : "does not start: TensorFlow.js refused it";
}

/**
 * As above for `choice`; `auto` is the fastest on this machine, and `note` gets a line that says why. Throws where the
 * choice cannot be had.
 */
export async function useBackend(choice: BackendChoice, note: (line: string) => void = () => {}): Promise<BackendName> {
  if (choice !== "auto") {
    const reason = await startBackend(choice);
    if (reason !== null) {
      throw new UsageError(`the backend ${choice} cannot be used: ${reason}; --backend auto takes one that starts`);
    }
    return choice;
  }
  const timed: { name: BackendName; ms: number }[] = [];
  const told: string[] = [];
  const started = new Set<string>();
  for (const name of backendNames) {
    // Both native ones register under one name, and TensorFlow.js keeps the first.
    const { registered } = backends[name];
    const reason = started.has(registered) ? "another of its kind is there" : await startBackend(name);
    if (reason === null) {
      started.add(registered);
      const ms = await timeProbe();
      timed.push({ name, ms });
      told.push(`${name} ${ms.toFixed(1)} ms`);
    } else told.push(`${name}: ${reason}`);
  }
  const [fastest] = timed.sort((x, y) => x.ms - y.ms);
  if (fastest === undefined) throw new Error(`no backend starts here: ${told.join("; ")}`);
  note(`backend ${fastest.name}, the fastest of: ${told.join("; ")}`);
  return await useBackend(fastest.name);
}

/** Milliseconds for the products of a step of the default task: the best of three, because the first compiles. */
async function timeProbe(): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    const product = tf.tidy(() => {
      const hidden = tf.matMul(tf.ones<tf.Rank.R2>([1104, 64]), tf.ones<tf.Rank.R2>([64, 256]));
      return tf.sum(tf.matMul(hidden, tf.ones<tf.Rank.R2>([256, 47])));
    });
    // Waits for the device.
    await product.data();
    product.dispose();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

function native(name: string): Backend {
  return {
    registered: "tensorflow",
    packages: [name],
    load() {
      // 4.22 calls what Node 23 took away, and what Node 22 announced to take.
      const old = util as { isNullOrUndefined?: Check; isArray?: Check };
      old.isNullOrUndefined ??= (value) => value === null || value === undefined;
      old.isArray ??= Array.isArray;
      return importOptional(name);
    },
  };
}

type Check = (value: unknown) => boolean;

/** Dawn, from the npm package `webgpu`, in the place where TensorFlow.js looks for a browser's GPU. */
async function loadWebGpu(): Promise<void> {
  if (!("gpu" in navigator)) {
    const { create, globals } = (await importOptional("webgpu")) as Dawn;
    const gpu = create([]);
    if ((await gpu.requestAdapter()) === null) throw new Error("no GPU that Vulkan, Metal or Direct3D can reach");
    Object.assign(globalThis, globals);
    Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  }
  await importOptional("@tensorflow/tfjs-backend-webgpu");
}

interface Dawn {
  create(options: string[]): { requestAdapter(): Promise<unknown> };
  readonly globals: object;
}

/** By a name that the compiler does not look up: it is there or not. */
const importOptional = (name: string): Promise<unknown> => import(pathToFileURL(require.resolve(name)).href);

const require = createRequire(import.meta.url);

function isInstalled(name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
