import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Comparison } from "./main.ts";
import { type BenchWorker, startBenchWorker } from "./worker/start.ts";

const BYTES = 64 * 1024 * 1024;
const ROUNDS = 9;
/** Weights of a real network repeat no pattern; this generator's sequence is longer than the file. */
const SEED = 20_240_117;

/**
 * Measuring a checkpoint as it streams by (norm, mean, maximum, zeros, NaNs of every tensor), in workerd. Float32
 * beside the hash that every upload pays anyway, by the runtime's own DigestStream: what measuring adds to receiving.
 * The narrow types beside float32, byte for byte.
 */
export async function benchMeasure(): Promise<Comparison[]> {
  const folder = mkdtempSync(join(tmpdir(), "curie-point-bench-"));
  const worker = await startBenchWorker(folder);
  try {
    const float32: number[] = [];
    const hash: number[] = [];
    const narrow = [
      { what: "bfloat16", file: safetensors("BF16", bfloat16Bytes()) },
      { what: "float16", file: safetensors("F16", float16Bytes()) },
      { what: "float8e4m3fn", file: safetensors("F8_E4M3", float8Bytes()) },
    ].map((entry) => ({ ...entry, ours: [] as number[] }));
    const wide = safetensors("F32", normalBytes());
    for (let round = 0; round < ROUNDS; round += 1) {
      await hold(worker, wide);
      float32.push(await throughput(worker, "/measure"));
      hash.push(await throughput(worker, "/hash"));
      for (const { file, ours } of narrow) {
        await hold(worker, file);
        ours.push(await throughput(worker, "/measure"));
      }
    }
    return [
      {
        what: "measure float32 weights",
        unit: "MB/s",
        ours: float32,
        rival: { name: "SHA-256 of the same bytes (DigestStream)", samples: hash },
      },
      ...narrow.map((entry) => ({
        what: `measure ${entry.what} weights`,
        unit: "MB/s",
        ours: entry.ours,
        rival: { name: "float32, as many bytes", samples: float32 },
      })),
    ];
  } finally {
    await worker.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function hold({ url }: BenchWorker, file: Uint8Array<ArrayBuffer>): Promise<void> {
  await fetch(`${url}/held`, { method: "PUT", body: file });
}

async function throughput({ url }: BenchWorker, pass: "/hash" | "/measure"): Promise<number> {
  const start = performance.now();
  const { ok } = await fetch(url + pass, { method: "POST" });
  if (!ok) throw new Error(`${pass} failed`);
  return BYTES / 1e6 / ((performance.now() - start) / 1000);
}

/** Normal numbers of deviation .02, as float32. */
function normalBytes(): Uint8Array {
  let state = SEED;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const values = Float32Array.from(
    { length: BYTES / 4 },
    () => 0.02 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
  return new Uint8Array(values.buffer);
}

/** The upper halves of float32: their truncation to bfloat16. Twice over, for as many bytes. */
function bfloat16Bytes(): Uint8Array {
  const floats = new Uint16Array(normalBytes().buffer);
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < halves.length; i++) halves[i] = floats[(2 * i + 1) % floats.length] as number;
  return new Uint8Array(halves.buffer);
}

/** Random codes of float16 below 1, of either sign: as many different ones as there are. */
function float16Bytes(): Uint8Array {
  const codes = new Uint16Array(normalBytes().buffer);
  return new Uint8Array(codes.map((code) => code & 0xbbff).buffer);
}

/** Random codes, without the two that are NaN. */
function float8Bytes(): Uint8Array {
  return normalBytes().map((code) => ((code & 0x7f) === 0x7f ? code - 1 : code));
}

function safetensors(dtype: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = { BF16: 2, F16: 2, F8_E4M3: 1 }[dtype] ?? 4;
  const entry = { dtype, shape: [data.length / bytes], data_offsets: [0, data.length] };
  // Aligned as the reference writer aligns.
  const json = new TextEncoder().encode(JSON.stringify({ w: entry }).padEnd(120, " "));
  const file = new Uint8Array(8 + json.length + data.length);
  new DataView(file.buffer).setUint32(0, json.length, true);
  file.set(json, 8);
  file.set(data, 8 + json.length);
  return file;
}
