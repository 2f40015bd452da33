// Steps a second on every backend that starts, beside PyTorch on one thread where Python has it:
//   npm run -w trainer speed -- [--rounds 5] [--python /usr/bin/python3]
// Ours and PyTorch take turns, so that what else the machine does meets both.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { type BackendName, backendNames, startBackend } from "../src/backends/backend.ts";
import { disposeNetwork } from "../src/networks/network.ts";
import { createNetwork } from "../src/networks/networks.ts";
import { oneHot } from "../src/networks/operations.ts";
import { createOptimizer, disposeOptimizer } from "../src/optimizers/optimizer.ts";
import { defaults, type Settings } from "../src/settings.ts";
import { splitOf } from "../src/tasks/task.ts";
import { createTask } from "../src/tasks/tasks.ts";
import { gradientsOf } from "../src/train.ts";

const { rounds, python } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, python: { type: "string", default: "python3" } },
}).values;
/** A round lasts about this long. */
const ROUND_MS = 2_000;

const cases: Readonly<Record<string, Settings>> = {
  "mlp, p = 47": defaults,
  "transformer, p = 59": { ...defaults, network: "transformer", modulus: 59, embedding: 128, hidden: 512 },
};

/** Makes so many steps and resolves with the milliseconds they took. */
type Stepper = (steps: number) => Promise<number>;

for (const [name, settings] of Object.entries(cases)) {
  const torch = await startTorch(settings);
  for (const backend of backendNames) {
    const reason = await startBackend(backend);
    if (reason !== null) {
      console.log(`${name}  ${backend}: ${reason}`);
      continue;
    }
    const { step, dispose } = await startOurs(settings, backend);
    const [ours, theirs] = [await rate(step), torch === null ? null : await rate(torch.step)];
    const samples: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
    for (let round = 0; round < Number(rounds); round++) {
      samples.ours.push(await ours());
      if (theirs !== null) samples.theirs.push(await theirs());
    }
    dispose();
    const [own, rival] = [median(samples.ours), median(samples.theirs)];
    const beside =
      torch === null ? "no PyTorch here" : `PyTorch ${rival.toFixed(1)}, ratio ${(own / rival).toFixed(3)}`;
    console.log(`${name}  ${backend}: ${own.toFixed(1)} steps/s (${beside}), medians of ${rounds}`);
  }
  torch?.end();
}

/** Warms up, and then measures rounds of steps a second. */
async function rate(step: Stepper): Promise<() => Promise<number>> {
  await step(2);
  const ms = (await step(3)) / 3;
  const steps = Math.max(1, Math.round(ROUND_MS / ms));
  return async () => (1000 * steps) / (await step(steps));
}

async function startOurs(settings: Settings, backend: BackendName): Promise<{ step: Stepper; dispose(): void }> {
  await startBackend(backend);
  const task = createTask(settings);
  const network = createNetwork(settings, task);
  const optimizer = createOptimizer(network, settings);
  const train = splitOf(task, "train");
  const inputs = network.encode(train);
  const target = oneHot(train.target, task.classes);
  let update = 0;
  return {
    async step(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) {
        update += 1;
        tf.tidy(() => {
          const rates = { update, learningRate: 1e-3, weightDecay: 1 };
          optimizer.update(gradientsOf(network, inputs, target), rates);
        });
      }
      // Waits for the device.
      for (const weight of network.weights.values()) await weight.data();
      return performance.now() - start;
    },
    dispose() {
      tf.dispose([...inputs, target]);
      disposeOptimizer(optimizer);
      disposeNetwork(network);
    },
  };
}

/** speed.py with the same sizes; null where Python or its torch is missing. */
async function startTorch(settings: Settings): Promise<{ step: Stepper; end(): void } | null> {
  const { network, modulus, embedding, hidden, heads } = settings;
  const examples = splitOf(createTask(settings), "train").target.length;
  const sizes = [network, modulus, embedding, hidden, heads, examples].map(String);
  const child = spawn(python, [join(import.meta.dirname, "speed.py"), ...sizes], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
  });
  child.on("error", () => undefined);
  child.stdin.on("error", () => undefined);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  if ((await lines.next()).value !== "ready") return null;
  return {
    async step(steps) {
      child.stdin.write(`${steps}\n`);
      return Number((await lines.next()).value);
    },
    end: () => child.stdin.end(),
  };
}

function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((x, y) => x - y);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}
