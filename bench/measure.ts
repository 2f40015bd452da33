import { createHash } from "node:crypto";
import { createMeter } from "../src/tensors/meter.ts";
import { writeSafetensors } from "../trainer/src/safetensors.ts";
import type { Comparison } from "./main.ts";

const BYTES = 64 * 1024 * 1024;
const CHUNK = 256 * 1024;
const ROUNDS = 9;

/**
 * Measuring a checkpoint as it streams by (norm, mean, maximum, zeros, NaNs of every tensor), beside the hash that
 * every upload pays anyway: what measuring adds to receiving.
 */
export async function benchMeasure(): Promise<Comparison[]> {
  const values = Float32Array.from({ length: BYTES / 4 }, (_, n) => Math.sin(n));
  const file = writeSafetensors(new Map([["w", { shape: [values.length], values }]]), {});
  const ours: number[] = [];
  const hash: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(
      throughput(file, (chunks) => {
        const meter = createMeter("safetensors");
        for (const chunk of chunks) meter.write(chunk);
        meter.end();
      }),
    );
    hash.push(
      throughput(file, (chunks) => {
        const sha = createHash("sha256");
        for (const chunk of chunks) sha.update(chunk);
        sha.digest();
      }),
    );
  }
  return [
    {
      what: "measure float32 weights",
      unit: "MB/s",
      ours,
      rival: { name: "SHA-256 of the same bytes", samples: hash },
    },
  ];
}

function throughput(file: Uint8Array, pass: (chunks: Uint8Array[]) => void): number {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < file.byteLength; at += CHUNK) chunks.push(file.subarray(at, at + CHUNK));
  const start = performance.now();
  pass(chunks);
  return file.byteLength / 1e6 / ((performance.now() - start) / 1000);
}
