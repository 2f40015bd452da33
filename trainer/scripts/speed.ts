// Steps a second on every backend that starts, beside PyTorch on one thread where Python has it:
//   npm run -w trainer speed -- [--rounds 5] [--python /usr/bin/python3]
// Ours and PyTorch take turns, so that what else the machine does meets both. The ratio of processor time says the same
// of a machine that is never idle.
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
import { median, printTable } from "./tables.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, python: { type: "string", default: "python3" } },
});
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Error("--rounds must be a whole number from 1");
/** A round lasts about this long. */
const ROUND_MS = 2_000;

const cases: Readonly<Record<string, Settings>> = {
  "MLP, p = 47": defaults,
  "transformer, p = 59": { ...defaults, network: "transformer", modulus: 59, embedding: 128, hidden: 512 },
};

/** What so many steps took. */
interface Time {
  readonly wallMs: number;
  readonly cpuMs: number;
}
type Stepper = (steps: number) => Promise<Time>;

const rows = [["", "backend", "steps/s", "PyTorch", "ratio", "ratio of processor time"]];
for (const [name, settings] of Object.entries(cases)) {
  const torch = await startTorch(settings);
  for (const backend of backendNames) {
    const reason = await startBackend(backend);
    rows.push([name, backend, ...(reason === null ? await measure(settings, backend, torch?.step) : [reason])]);
  }
  torch?.end();
}
printTable(rows);
console.log(`Medians of ${rounds} rounds, in turns. ratio: ours / PyTorch on one thread.`);

async function measure(settings: Settings, backend: BackendName, torch: Stepper | undefined): Promise<string[]> {
  const { step, dispose } = await startOurs(settings, backend);
  const ours = await perStep(step);
  const theirs = torch && (await perStep(torch));
  const samples: { ours: Time; theirs: Time | undefined }[] = [];
  for (let round = 0; round < rounds; round++) samples.push({ ours: await ours(), theirs: await theirs?.() });
  dispose();
  const rates = (pick: (time: Time) => number) => {
    const [own, rival] = [
      median(samples.map(({ ours }) => pick(ours))),
      median(samples.map(({ theirs }) => (theirs === undefined ? Number.NaN : pick(theirs)))),
    ];
    return { own: 1000 / own, rival: 1000 / rival, ratio: rival / own };
  };
  const [wall, cpu] = [rates(({ wallMs }) => wallMs), rates(({ cpuMs }) => cpuMs)];
  if (torch === undefined) return [wall.own.toFixed(1), "not here", "", ""];
  return [wall.own.toFixed(1), wall.rival.toFixed(1), wall.ratio.toFixed(2), cpu.ratio.toFixed(2)];
}

/** Warms up, and then measures rounds: what a step took. */
async function perStep(step: Stepper): Promise<() => Promise<Time>> {
  await step(2);
  const ms = (await step(3)).wallMs / 3;
  const steps = Math.max(1, Math.round(ROUND_MS / ms));
  return async () => {
    const { wallMs, cpuMs } = await step(steps);
    return { wallMs: wallMs / steps, cpuMs: cpuMs / steps };
  };
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
      const [start, spent] = [performance.now(), process.cpuUsage()];
      for (let i = 0; i < steps; i++) {
        update += 1;
        tf.tidy(() => {
          const rates = { update, learningRate: 1e-3, weightDecay: 1 };
          optimizer.update(gradientsOf(network, inputs, target), rates);
        });
      }
      // Waits for the device.
      for (const weight of network.weights.values()) await weight.data();
      const { user, system } = process.cpuUsage(spent);
      return { wallMs: performance.now() - start, cpuMs: (user + system) / 1000 };
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
  const child = spawn(values.python, [join(import.meta.dirname, "speed.py"), ...sizes], {
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
      const [wallMs = Number.NaN, cpuMs = Number.NaN] = String((await lines.next()).value)
        .split(" ")
        .map(Number);
      return { wallMs, cpuMs };
    },
    end: () => child.stdin.end(),
  };
}
