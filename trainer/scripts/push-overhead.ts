// What pushing costs the training: the quick task with pushes to a service and without, in turns:
//   npm run -w trainer push-overhead -- --url URL --key-file FILE [--rounds 5] [--steps 300]
// Time runs from the first update to the last, as pushes go on beside training; what is still to be sent then is told
// apart. By the clock, a service on the same machine competes for its cores; processor time is the trainer's alone.
import { parseArgs } from "node:util";
import type { Progress } from "../src/progress.ts";
import { readService } from "../src/service-flags.ts";
import { trainWatched, type WatchedOptions } from "../src/watched.ts";
import { median, printTable } from "./tables.ts";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    "key-file": { type: "string" },
    rounds: { type: "string", default: "5" },
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
const pushing = (seed: number) => measure(seed, { service, model: `${suite}-${seed}`, suite });
const alone = (seed: number) => measure(seed, {});
// The first runs of either kind meet cold code.
await alone(0);
await pushing(0);
const samples: { alone: Time; pushing: Time }[] = [];
for (let round = 1; round <= rounds; round++) {
  // Whoever goes first, every other time.
  if (round % 2 === 0) samples.push({ alone: await alone(round), pushing: await pushing(round) });
  else {
    const second = await pushing(round);
    samples.push({ pushing: second, alone: await alone(round) });
  }
}
const row = (what: string, pick: (time: Time) => number) => {
  const [own, rival] = [median(samples.map((x) => pick(x.pushing))), median(samples.map((x) => pick(x.alone)))];
  const ratios = samples.map(({ pushing, alone }) => pick(pushing) / pick(alone));
  return [what, `${own.toFixed(0)} ms`, `${rival.toFixed(0)} ms`, (own / rival).toFixed(3), median(ratios).toFixed(3)];
};
printTable([
  ["first update to last", "pushing", "alone", "ratio", "median of rounds' ratios"],
  row("by the clock", ({ wallMs }) => wallMs),
  row("the trainer's processor time", ({ cpuMs }) => cpuMs),
]);
const after = median(samples.map(({ pushing }) => pushing.afterMs));
console.log(
  `From the last update to its verdict: ${after.toFixed(0)} ms. Medians of ${rounds} rounds of ${steps} steps.`,
);
