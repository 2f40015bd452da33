// Steps a second on every backend that starts, beside PyTorch on one thread where Python has it:
//   npm run -w trainer speed -- [--rounds 5] [--python /usr/bin/python3] [--backends webgpu,wasm]
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
import { median } from "./tables.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    python: { type: "string", default: "python3" },
    backends: { type: "string", default: backendNames.join() },
  },
});
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Error("--rounds must be a whole number from 1");
const asked = values.backends.split(",");
const unknown = asked.find((name) => !backendNames.some((known) => known === name));
if (unknown !== undefined) throw new Error(`there is no backend "${unknown}": there are ${backendNames.join(", ")}`);
/** A round lasts about this long. */
const ROUND_MS = 2_000;
/** Where one step takes longer than that. */
const SLOW_ROUNDS = 3;

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

/** Row by row as they are measured: the slow backends take minutes. */
const print = (...cells: string[]) =>
  console.log(
    cells
      .map((cell, i) => cell.padEnd([20, 9, 8, 8, 6, 24][i] ?? 0))
      .join(" ")
      .trimEnd(),
  );
print("", "backend", "steps/s", "PyTorch", "ratio", "ratio of processor time", "rounds");
for (const [name, settings] of Object.entries(cases)) {
  const torch = await startTorch(settings);
  for (const backend of backendNames.filter((name) => asked.includes(name))) {
    const reason = await startBackend(backend);
    print(name, backend, ...(reason === null ? await measure(settings, backend, torch?.step) : [reason]));
  }
  torch?.end();
}
console.log("Medians of rounds in turns. ratio: ours / PyTorch on one thread.");

async function measure(settings: Settings, backend: BackendName, torch: Stepper | undefined): Promise<string[]> {
  const { step, dispose } = await startOurs(settings, backend);
  const { round: ours, slow } = await perStep(step);
  const theirs = torch && (await perStep(torch)).round;
  const count = slow ? Math.min(rounds, SLOW_ROUNDS) : rounds;
  const samples: { ours: Time; theirs: Time | undefined }[] = [];
  for (let round = 0; round < count; round++) samples.push({ ours: await ours(), theirs: await theirs?.() });
  dispose();
  const rates = (pick: (time: Time) => number) => {
    const [own, rival] = [
      median(samples.map(({ ours }) => pick(ours))),
      median(samples.map(({ theirs }) => (theirs === undefined ? Number.NaN : pick(theirs)))),
    ];
    return { own: 1000 / own, rival: 1000 / rival, ratio: rival / own };
  };
  const [wall, cpu] = [rates(({ wallMs }) => wallMs), rates(({ cpuMs }) => cpuMs)];
  const shown = (rate: number) => rate.toPrecision(3);
  if (torch === undefined) return [shown(wall.own), "not here", "", "", `${count}`];
  return [shown(wall.own), shown(wall.rival), wall.ratio.toFixed(3), cpu.ratio.toFixed(3), `${count}`];
}

/** Warms up, and then measures rounds: what a step took. */
async function perStep(step: Stepper): Promise<{ round(): Promise<Time>; slow: boolean }> {
  await step(1);
  const { wallMs: ms } = await step(1);
  const steps = Math.max(1, Math.round(ROUND_MS / ms));
  return {
    slow: ms > ROUND_MS,
    async round() {
      const { wallMs, cpuMs } = await step(steps);
      return { wallMs: wallMs / steps, cpuMs: cpuMs / steps };
    },
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
