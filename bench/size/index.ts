// npm run bench -- size: what a checkpoint costs by its size, 1 MB to 2 GB. docs/put-benchmark.md has the figures.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStack } from "../../local/stack.ts";
import { type HeapWatch, watchHeap } from "../heap.ts";
import { median } from "../median.ts";
import { table } from "../verdict/table.ts";
import { startReader } from "../worker/start.ts";
import { MEGABYTE, sizedFile } from "./file.ts";
import { exponentOf, fitLine, type Sample } from "./fit.ts";
import { type Cost, Lab, LogLines } from "./lab.ts";
import { plotSizes } from "./plot.ts";

/** MB; SIZES names others. Those that fit one PUT come that way too. */
const SIZES = (process.env["SIZES"] ?? "1,4,16,64,96,256,1000,2000").split(",").map(Number);
const MOST_BY_PUT = 96;
/** The largest are sent fewer times: it takes far longer than what is measured. */
const ROUNDS = 3;
const LARGEST = 1000;
const ROUNDS_OF_LARGEST = 1;
const WARM_UP = 64;
/** Where a file of any size costs less of it than this, a size is large. */
const FIXED_SHARE = 0.1;
/** Long enough to read the largest in one message on a slow machine: how work is cut into messages is not measured here. */
const DEADLINE_SECONDS = 300;

/** Of one size: seconds are medians, memory is in MB over idle, at its highest in a round of its own. */
export interface WayCost extends Cost {
  api: number;
  evaluator: number;
}

export interface SizeCost {
  size: number;
  put: WayCost | null;
  readBack: WayCost;
  /** The rival's. */
  reading: { seconds: number };
}

/**
 * Weights by one PUT and by presigned parts, with the memory of the isolate that hashes and measures them: the API's for
 * a PUT, the evaluator's for parts, which are in the store and are read back. The rival is a Worker that reads the same
 * object from the same store into the runtime's own SHA-256. PLOT names a file for the plot.
 */
export async function benchSize(): Promise<void> {
  const costs = await measureSizes();
  process.stdout.write(`${report(costs)}\n`);
  const file = process.env["PLOT"];
  if (file !== undefined) writeFileSync(file, plotSizes(costs));
}

async function measureSizes(): Promise<SizeCost[]> {
  const data = mkdtempSync(join(tmpdir(), "curie-point-bench-"));
  const lines = new LogLines();
  const stack = await startStack({
    data,
    port: 0,
    inspect: true,
    log: lines.take,
    evaluationDeadlineSeconds: DEADLINE_SECONDS,
    postgres: process.env["BENCH_POSTGRES_URL"],
  });
  const rival = await startReader(stack, join(data, "reader"));
  const lab = new Lab(stack, rival, lines);
  const ports = stack.inspectorPorts();
  const heaps = { api: await watchHeap(ports.api ?? 0), evaluator: await watchHeap(ports.evaluator ?? 0) };
  try {
    await lab.prepare();
    const warm = sizedFile(WARM_UP);
    await lab.upload(warm);
    await lab.read(warm);
    await lab.put(sizedFile(WARM_UP));
    const costs: SizeCost[] = [];
    for (const size of SIZES) {
      const cost = await costOf(lab, heaps, size);
      process.stderr.write(`  ${cellsOf(cost).join("  ")}\n`);
      costs.push(cost);
      await lab.forget();
    }
    return costs;
  } finally {
    for (const heap of Object.values(heaps)) heap.close();
    await lab.close();
    await rival.close();
    await stack.close();
    rmSync(data, { recursive: true, force: true });
  }
}

interface Heaps {
  api: HeapWatch;
  evaluator: HeapWatch;
}

async function costOf(lab: Lab, heaps: Heaps, size: number): Promise<SizeCost> {
  const [puts, uploads, readings]: [Cost[], Cost[], number[]] = [[], [], []];
  const byPut = size <= MOST_BY_PUT;
  for (let round = 0; round < (size < LARGEST ? ROUNDS : ROUNDS_OF_LARGEST); round += 1) {
    const file = sizedFile(size);
    uploads.push(await lab.upload(file));
    readings.push(await lab.read(file));
    if (byPut) puts.push(await lab.put(sizedFile(size)));
  }
  return {
    size,
    put: byPut ? { ...mediansOf(puts), ...(await memoryOf(lab, heaps, () => lab.put(sizedFile(size)))) } : null,
    readBack: { ...mediansOf(uploads), ...(await memoryOf(lab, heaps, () => lab.upload(sizedFile(size)))) },
    reading: { seconds: median(readings) },
  };
}

/** Apart from the time: a file of 1 GB took twice as long while memory was asked for 50 times a second. */
async function memoryOf(lab: Lab, heaps: Heaps, work: () => Promise<unknown>) {
  const idle = {
    api: await heaps.api.collected(),
    // The least that has it do anything.
    evaluator: await heaps.evaluator.collected(() => lab.upload(sizedFile(0))),
  };
  let api = 0;
  const evaluator = await heaps.evaluator.highest(async () => {
    api = await heaps.api.highest(work);
  });
  return { api: (api - idle.api) / MEGABYTE, evaluator: (evaluator - idle.evaluator) / MEGABYTE };
}

function mediansOf(costs: readonly Cost[]): Cost {
  const cpu = costs.flatMap(({ cpuSeconds }) => cpuSeconds ?? []);
  return { seconds: median(costs.map(({ seconds }) => seconds)), cpuSeconds: cpu.length > 0 ? median(cpu) : null };
}

function cellsOf({ size, put, readBack, reading }: SizeCost): string[] {
  const show = (value: number | null | undefined) =>
    value === null || value === undefined ? "" : value.toPrecision(3);
  return [
    `${size}`,
    show(readBack.seconds),
    show(readBack.cpuSeconds),
    show(reading.seconds),
    (reading.seconds / readBack.seconds).toFixed(2),
    readBack.evaluator.toFixed(1),
    readBack.api.toFixed(1),
    show(put?.seconds),
    show(put?.cpuSeconds),
    put?.api.toFixed(1) ?? "",
  ];
}

function report(costs: readonly SizeCost[]): string {
  const heading = [
    "size, MB",
    "read back, s",
    "of it CPU, s",
    "rival, s",
    "rival / ours",
    "evaluator over idle, MB",
    "API over idle, MB",
    "PUT, s",
    "of it CPU, s",
    "API over idle (PUT), MB",
  ];
  const seconds = (of: (cost: SizeCost) => number | null | undefined): Sample[] =>
    costs.flatMap((cost) => {
      const value = of(cost) ?? 0;
      return value > 0 ? [{ size: cost.size, value }] : [];
    });
  return [
    table([heading, ...costs.map(cellsOf)]),
    "",
    `read back, clock: ${describe(seconds(({ readBack }) => readBack.seconds))}`,
    `read back, CPU:   ${describe(seconds(({ readBack }) => readBack.cpuSeconds))}`,
    `rival, clock:     ${describe(seconds(({ reading }) => reading.seconds))}`,
    `PUT, clock:       ${describe(seconds(({ put }) => put?.seconds))}`,
    `PUT, CPU:         ${describe(seconds(({ put }) => put?.cpuSeconds))}`,
    `read back, memory: from ${range(costs.map(({ readBack }) => readBack.evaluator))} MB over idle`,
    `PUT, memory:       from ${range(costs.flatMap(({ put }) => put?.api ?? []))} MB over idle`,
  ].join("\n");
}

const range = (values: readonly number[]) => `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`;

function describe(samples: readonly Sample[]): string {
  const { fixed, perMegabyte } = fitLine(samples);
  const large = samples.filter(({ size }) => fixed <= FIXED_SHARE * perMegabyte * size);
  const worst = Math.max(...samples.map(({ size, value }) => Math.abs((fixed + perMegabyte * size) / value - 1)));
  return [
    `${(fixed * 1000).toFixed(0)} ms + ${(perMegabyte * 1000).toFixed(2)} ms a MB (${(1 / perMegabyte).toFixed(0)} MB/s)`,
    `off by at most ${(worst * 100).toFixed(0)}%`,
    `from ${large[0]?.size} MB on as size^${exponentOf(large).toFixed(3)}`,
  ].join(", ");
}
