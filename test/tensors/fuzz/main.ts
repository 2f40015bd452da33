// npm run fuzz -- --minutes N [--seed S]: damaged files against both readers, watching for anything but a measurement
// or a refusal with a known code: other errors, answers that depend on chunks, hangs, memory that grows. Every case
// has a number: -- --seed S --case N tries that one again.
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { makeCase, tryCase } from "./cases.ts";
import type { Report, Start } from "./worker.ts";

/** A case takes a millisecond: one that takes this long, on a machine however busy, has no end. */
const HANG_MS = 30_000;
const GROWTH_BYTES = 32 * 1024 * 1024;
const HEAP_MB = 256;
const MOST_FAILURES = 20;

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "1" }, seed: { type: "string" }, case: { type: "string" } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write("--minutes wants a number above 0, --seed a whole number\n");
  process.exit(2);
}
if (values.case !== undefined) {
  const one = makeCase(seed, Number(values.case));
  process.stdout.write(`${one.format}, ${one.file.length} bytes: ${Buffer.from(one.file).toString("base64")}\n`);
  process.stdout.write(`${tryCase(one)}\n`);
  process.exit(0);
}

process.stderr.write(`seed ${seed}, ${minutes} minutes\n`);
const until = Date.now() + minutes * 60_000;
const failures: string[] = [];
const total = { cases: 0, codes: new Map<string, number>(), growth: 0 };

function fail(index: number, message: string): void {
  failures.push(`case ${index}: ${message}`);
  process.stderr.write(`case ${index} (npm run fuzz -- --seed ${seed} --case ${index}): ${message}\n`);
}

/** Runs cases from `first` on, to the end of the time or of the worker; says where to go on. */
function run(first: number): Promise<number> {
  const trace = new SharedArrayBuffer(8);
  const current = new Float64Array(trace);
  const data: Start = { seed, first, until, trace };
  const worker = new Worker(`${import.meta.dirname}/worker.ts`, {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  let last: Extract<Report, { codes: unknown }> | undefined;
  let least = Number.POSITIVE_INFINITY;
  let ended = false;
  return new Promise((resolve) => {
    let seen = -1;
    const watch = setInterval(() => {
      if (current[0] === seen) {
        fail(seen, `no end in ${HANG_MS / 1000} seconds`);
        void worker.terminate();
      }
      seen = current[0] as number;
    }, HANG_MS);
    worker.on("message", (report: Report) => {
      if (report.kind === "failure") {
        fail(report.index, report.message);
        if (failures.length >= MOST_FAILURES) void worker.terminate();
        return;
      }
      last = report;
      ended = report.kind === "done";
      least = Math.min(least, report.bytes);
      total.growth = Math.max(total.growth, report.bytes - least);
      if (report.bytes - least > GROWTH_BYTES) {
        fail(current[0] as number, `memory grew from ${least} to ${report.bytes} bytes`);
        void worker.terminate();
      }
    });
    // Out of memory, or killed above.
    worker.on("error", (error) => fail(current[0] as number, `crash: ${error.stack ?? error.message}`));
    worker.on("exit", () => {
      clearInterval(watch);
      total.cases += ended ? (last?.cases ?? 0) : (current[0] as number) - first + 1;
      for (const [code, count] of Object.entries(last?.codes ?? {})) {
        total.codes.set(code, (total.codes.get(code) ?? 0) + count);
      }
      resolve((current[0] as number) + 1);
    });
  });
}

for (let next = 0; Date.now() < until && failures.length < MOST_FAILURES; ) next = await run(next);

const codes = [...total.codes].toSorted(([, a], [, b]) => b - a).map(([code, count]) => `${code} ${count}`);
process.stdout.write(`${total.cases} cases in ${minutes} minutes, seed ${seed}: ${failures.length} failures\n`);
process.stdout.write(
  `memory grew by at most ${(total.growth / 2 ** 20).toFixed(1)} MiB; ended as: ${codes.join(", ")}\n`,
);
process.exit(failures.length === 0 ? 0 : 1);
