// What pushing costs the training: the quick task alone, with pushes to a receiver that only stores, and with pushes to
// a service, in turns:
//   npm run -w trainer push-overhead -- --url URL --key-file FILE [--rounds 9] [--steps 300]
// Time runs from the first update to the last, as pushes go on beside training; what is still to be sent then is told
// apart. A service on the same machine competes for its cores by the clock: the receiver shows what pushing costs where
// the service is elsewhere. Processor time is the trainer's alone.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import type { ClientSettings } from "../src/client/client.ts";
import type { Progress } from "../src/progress.ts";
import { readService } from "../src/service-flags.ts";
import { trainWatched, type WatchedOptions } from "../src/watched.ts";
import { median, printTable } from "./tables.ts";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    "key-file": { type: "string" },
    rounds: { type: "string", default: "9" },
    steps: { type: "string", default: "300" },
  },
});
if (values.url === undefined) throw new Error("give --url, and --key-file or CURIE_POINT_KEY");
const service = await readService(values.url, values["key-file"]);
const [rounds, steps] = [Number(values.rounds), Number(values.steps)];
if (![rounds, steps].every((count) => Number.isSafeInteger(count) && count > 0)) {
  throw new Error("--rounds and --steps must be whole numbers from 1");
}

interface Time {
  /** From the first update to the last. */
  readonly wallMs: number;
  readonly cpuMs: number;
  /** From the last update to the verdict on it, where one is waited for. */
  readonly afterMs: number;
}

/** A run of a seed of its own, because what the service has got already costs less; the suite and the model come before. */
async function measure(seed: number, options: Pick<WatchedOptions, "service" | "model" | "suite">): Promise<Time> {
  const marks: { at: number; cpu: NodeJS.CpuUsage }[] = [];
  const mark = () => marks.push({ at: performance.now(), cpu: process.cpuUsage() });
  const progress: Progress = {
    step: (step) => void ((step === 1 || step === steps) && mark()),
    checkpoint() {},
    pushed() {},
    phase() {},
    note() {},
    end() {},
  };
  await trainWatched({ ...options, settings: { seed, steps } }, progress);
  mark();
  const [first, last, end] = marks;
  if (first === undefined || last === undefined || end === undefined) throw new Error("--steps must be 2 or more");
  const used = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000;
  return { wallMs: last.at - first.at, cpuMs: used(last.cpu) - used(first.cpu), afterMs: end.at - last.at };
}

const suite = `push-overhead-${Date.now()}`;
const receiver = spawn(process.execPath, [join(import.meta.dirname, "receiver.ts")], {
  stdio: ["pipe", "pipe", "inherit"],
});
const { value: port } = await createInterface(receiver.stdout)[Symbol.asyncIterator]().next();
const stored = { url: `http://127.0.0.1:${port}`, key: "none" };

const pushingTo = (service: ClientSettings) => (seed: number) =>
  measure(seed, { service, model: `${suite}-${seed}`, suite });
const arms = {
  alone: (seed: number) => measure(seed, {}),
  "a receiver that stores": pushingTo(stored),
  "the service": pushingTo(service),
};
type Arm = keyof typeof arms;
const names = Object.keys(arms) as Arm[];
// The first runs of each kind meet cold code.
for (const name of names) await arms[name](0);
const samples: ReadonlyMap<Arm, Time>[] = [];
for (let round = 1; round <= rounds; round++) {
  const times = new Map<Arm, Time>();
  // Each goes first as often as the others.
  const first = round % names.length;
  for (const name of [...names.slice(first), ...names.slice(0, first)]) times.set(name, await arms[name](round));
  samples.push(times);
  // Whoever ends it early has had what was measured until then.
  const told = names.map((name) => `${name} ${times.get(name)?.wallMs.toFixed(0)} ms`);
  process.stderr.write(`round ${round}: ${told.join(", ")}\n`);
}
receiver.stdin.end();

/** Of each round, in order. */
const pickAll = (name: Arm, pick: (time: Time) => number) =>
  samples.map((times) => {
    const time = times.get(name);
    return time === undefined ? Number.NaN : pick(time);
  });
const rows = names.slice(1).flatMap((name) => {
  const row = (what: string, pick: (time: Time) => number) => {
    const [own, alone] = [pickAll(name, pick), pickAll("alone", pick)];
    const ratios = own.map((time, round) => time / (alone[round] ?? Number.NaN)).sort((x, y) => x - y);
    const [least = 0, most = 0] = [ratios[0], ratios.at(-1)];
    const spread = `${least.toFixed(3)} to ${most.toFixed(3)}`;
    return [
      name,
      what,
      ...[own, alone].map((times) => `${median(times).toFixed(0)} ms`),
      median(ratios).toFixed(3),
      spread,
    ];
  };
  return [row("clock", ({ wallMs }) => wallMs), row("processor", ({ cpuMs }) => cpuMs)];
});
printTable([["pushing to", "time of", "pushing", "alone", "median of rounds' ratios", "from to"], ...rows]);
const after = median(pickAll("the service", ({ afterMs }) => afterMs));
console.log(`From the last update to the service's verdict on it: ${after.toFixed(0)} ms.`);
console.log(`Medians of ${rounds} rounds of ${steps} steps, each alone and with pushes.`);
