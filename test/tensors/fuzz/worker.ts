// Tries one case after the other, and leaves a trace of where it is: who hangs can no longer say so.
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parentPort, workerData } from "node:worker_threads";
import { makeCase, tryCase } from "./cases.ts";

export interface Start {
  seed: number;
  first: number;
  /** Milliseconds since 1970. */
  until: number;
  /** Number of the case at hand. */
  trace: SharedArrayBuffer;
}

export type Report =
  | { kind: "progress" | "done"; cases: number; codes: Record<string, number>; bytes: number }
  | { kind: "failure"; index: number; message: string };

const CASES_A_REPORT = 1000;

const { seed, first, until, trace } = workerData as Start;
const current = new Float64Array(trace);
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const codes = new Map<string, number>();
let index = first;

async function report(kind: "progress" | "done"): Promise<void> {
  // Buffers of what has been collected are freed a turn later.
  for (let turn = 0; turn < 3; turn++) {
    collectGarbage();
    await setImmediate();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  send({ kind, cases: index - first, codes: Object.fromEntries(codes), bytes: heapUsed + arrayBuffers });
}

function send(message: Report): void {
  parentPort?.postMessage(message);
}

for (; Date.now() < until; index++) {
  current[0] = index;
  try {
    const code = tryCase(makeCase(seed, index));
    codes.set(code, (codes.get(code) ?? 0) + 1);
  } catch (error) {
    send({ kind: "failure", index, message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
  if ((index - first) % CASES_A_REPORT === CASES_A_REPORT - 1) await report("progress");
}
await report("done");
