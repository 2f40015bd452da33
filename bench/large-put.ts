import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { startStack } from "../local/stack.ts";
import { tableSuite } from "../test/stack/table-model.ts";
import { Client } from "../trainer/src/client/client.ts";
import { writeSafetensors } from "../trainer/src/safetensors.ts";
import { type HeapWatch, watchHeap } from "./heap.ts";
import type { Comparison } from "./main.ts";

const MEGABYTE = 1_000_000;
/** Also of the cost by size: up to what one PUT takes. */
const SIZES = [1, 4, 16, 64, 96];
const LARGE = 64;
const ROUNDS = 5;
/** What a PUT may take over an idle Worker: a quarter of an isolate. */
const MEMORY_MB = 32;

/**
 * Weights of 64 MB through the API beside the same bytes PUT straight into the same store, with the memory that the
 * Worker takes meanwhile; then the cost by size. Safetensors: nothing is evaluated.
 */
export async function benchLargePut(): Promise<Comparison[]> {
  const data = mkdtempSync(join(tmpdir(), "curie-point-bench-"));
  const stack = await startStack({
    data,
    port: 0,
    paused: true,
    inspect: true,
    postgres: process.env["BENCH_POSTGRES_URL"],
  });
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = stack.connection.s3;
  const store = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
  const heap = await watchHeap(stack.inspectorPorts().api ?? 0);
  try {
    const client = new Client({ url: stack.url, key: stack.adminKey });
    await client.putSuite("bench", tableSuite());
    const { id } = await client.createModel({ name: `bench-${Date.now()}`, suite: "bench" });
    let step = 0;
    const push = (file: Uint8Array<ArrayBuffer>) => client.pushCheckpoint(id, ++step, file);
    const straight = (file: Uint8Array<ArrayBuffer>) =>
      store.send(new PutObjectCommand({ Bucket: bucket, Key: `bench/${++step}`, Body: file }));
    await push(weights(LARGE));
    await straight(weights(LARGE));
    const cost = new Map<number, Cost>();
    for (const size of SIZES) cost.set(size, await costOf(size, { push, straight, heap }));
    return [...cost].flatMap(([size, { ours, rival, memory }]) => [
      {
        what: `PUT ${size} MB of weights`,
        unit: "MB/s",
        ours,
        rival: { name: "straight to the store", samples: rival },
      },
      {
        what: `memory over idle meanwhile (${size} MB)`,
        unit: "MB (less is better)",
        ours: memory,
        rival: { name: "the bound", samples: [MEMORY_MB] },
      },
    ]);
  } finally {
    heap.close();
    store.destroy();
    await stack.close();
    rmSync(data, { recursive: true, force: true });
  }
}

/** A sample of each round. */
interface Cost {
  /** MB a second. */
  ours: number[];
  rival: number[];
  /** MB over idle, at its highest. */
  memory: number[];
}

interface Ways {
  push(file: Uint8Array<ArrayBuffer>): Promise<unknown>;
  straight(file: Uint8Array<ArrayBuffer>): Promise<unknown>;
  heap: HeapWatch;
}

async function costOf(size: number, { push, straight, heap }: Ways): Promise<Cost> {
  const cost: Cost = { ours: [], rival: [], memory: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const file = weights(size);
    cost.rival.push(await speed(file, straight));
    cost.ours.push(await speed(file, push));
    // Apart from the speed: asking for memory takes time.
    const watched = weights(size);
    const idle = await heap.collected();
    cost.memory.push(((await heap.highest(() => push(watched))) - idle) / MEGABYTE);
    await pause(100);
  }
  return cost;
}

async function speed(file: Uint8Array<ArrayBuffer>, put: (file: Uint8Array<ArrayBuffer>) => Promise<unknown>) {
  const start = performance.now();
  await put(file);
  return file.byteLength / MEGABYTE / ((performance.now() - start) / 1000);
}

/** Other numbers at every call, so that no upload is answered from one before it. */
function weights(megabytes: number): Uint8Array<ArrayBuffer> {
  // One random block again and again: only the size costs, and making the numbers must not take longer than the PUT.
  const block = Float32Array.from(randomBytes(MEGABYTE / 4), (byte) => (byte - 127.5) / 1000);
  const values = new Float32Array(megabytes * block.length);
  for (let n = 0; n < megabytes; n += 1) values.set(block, n * block.length);
  return writeSafetensors(new Map([["w", { shape: [values.length], values }]]), {});
}
