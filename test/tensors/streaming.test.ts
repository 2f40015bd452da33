import { describe, expect, test } from "vitest";
import { createMeter, type Meter } from "../../src/tensors/meter.ts";
import { bytesOf, dims, FLOAT, integer, message, text } from "./onnx-builder.ts";

const MIB = 1024 * 1024;
const CHUNK_BYTES = MIB;
const CHUNKS = 300;
const GROWTH_LIMIT = 8 * MIB;

const ascii = (words: string) => new TextEncoder().encode(words);

/** 1 MiB of float32 of which half is 2 and half is -1. */
function pattern(): Uint8Array {
  const values = new Float32Array(CHUNK_BYTES / 4);
  for (let i = 0; i < values.length; i++) values[i] = i % 2 === 0 ? 2 : -1;
  return new Uint8Array(values.buffer);
}

/** Streams the pattern many times from one buffer and watches what stays allocated on the way. */
function stream(meter: Meter, shift: number): number {
  const source = pattern();
  const chunk = new Uint8Array(CHUNK_BYTES + shift).subarray(shift);
  const used = () => {
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  let start = 0;
  let peak = 0;
  for (let i = 0; i < CHUNKS; i++) {
    chunk.set(source);
    meter.write(chunk);
    // The first chunks pay for compilation and the workspace.
    if (i === 20) start = used();
    else if (i > 20 && i % 40 === 0) peak = Math.max(peak, used());
  }
  return peak - start;
}

const elements = (CHUNKS * CHUNK_BYTES) / 4;
const want = {
  parameters: elements,
  weightNorm: Math.sqrt(elements * 2.5),
  tensors: [{ name: "w", norm: Math.sqrt(elements * 2.5), mean: 0.5, max: 2, shape: [CHUNKS, CHUNK_BYTES / 4] }],
};

describe("300 MiB that exist nowhere at once", () => {
  test.each([0, 1])("as safetensors, chunks at byte %i of an element", (shift) => {
    const meter = createMeter("safetensors");
    const size = CHUNKS * CHUNK_BYTES;
    const json = `{"w":{"dtype":"F32","shape":[${CHUNKS},${CHUNK_BYTES / 4}],"data_offsets":[0,${size}]}}`;
    const length = new Uint8Array(8);
    new DataView(length.buffer).setUint32(0, json.length, true);
    meter.write(length);
    meter.write(ascii(json));
    const growth = stream(meter, shift);
    expect(meter.end()).toMatchObject(want);
    expect(growth).toBeLessThan(GROWTH_LIMIT);
  });

  test("as ONNX", () => {
    const meter = createMeter("onnx");
    const size = CHUNKS * CHUNK_BYTES;
    const head = bytesOf(dims([CHUNKS, CHUNK_BYTES / 4]), integer(2, FLOAT), text(8, "w"));
    const rawTag = bytesOf((writer) => writer.tag(9, 2).uint32(size));
    const tensorLength = head.length + rawTag.length + size;
    const tensorTag = bytesOf((writer) => writer.tag(5, 2).uint32(tensorLength));
    meter.write(bytesOf(integer(1, 8), (writer) => writer.tag(7, 2).uint32(tensorTag.length + tensorLength)));
    for (const part of [tensorTag, head, rawTag]) meter.write(part);
    const growth = stream(meter, 0);
    meter.write(bytesOf(message(8, integer(2, 17))));
    expect(meter.end()).toMatchObject(want);
    expect(growth).toBeLessThan(GROWTH_LIMIT);
  });
});

// STREAM_MIB=10240 makes it 10 GiB.
const MIXED_MIB = Number(process.env["STREAM_MIB"] ?? 512);
const MEMORY_LIMIT = 64 * MIB;

/** Codes of 2 and -1 in turn, the same in every MiB. */
const MIXED = [
  { dtype: "F32", bytes: 4, codes: pattern() },
  { dtype: "BF16", bytes: 2, codes: pairs(0x4000, 0xbf80) },
  { dtype: "F16", bytes: 2, codes: pairs(0x4000, 0xbc00) },
  { dtype: "F8_E4M3", bytes: 1, codes: new Uint8Array(MIB).map((_, i) => (i % 2 === 0 ? 0x40 : 0xb8)) },
];

function pairs(even: number, odd: number): Uint8Array {
  return new Uint8Array(new Uint16Array(MIB / 2).map((_, i) => (i % 2 === 0 ? even : odd)).buffer);
}

test(`${MIXED_MIB} MiB of four types in 64 tensors are measured in one pass with less than 64 MiB`, () => {
  // Chunks come in one buffer, and no garbage is collected on purpose: what is counted is all that the meter takes.
  const used = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const each = MIXED_MIB / 64;
  expect(Number.isInteger(each)).toBe(true);
  const tensors = Array.from({ length: 64 }, (_, i) => ({ name: `layer.${i}.weight`, ...MIXED[i % 4] }));
  const header: Record<string, unknown> = {};
  for (const [i, { name, dtype = "", bytes = 1 }] of tensors.entries()) {
    header[name] = { dtype, shape: [each, MIB / bytes], data_offsets: [i * each * MIB, (i + 1) * each * MIB] };
  }
  const json = ascii(JSON.stringify(header));
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setUint32(0, json.length, true);

  const chunk = new Uint8Array(MIB);
  globalThis.gc?.();
  const before = used();
  let peak = 0;
  const meter = createMeter("safetensors");
  meter.write(prefix);
  meter.write(json);
  for (const { codes } of tensors) {
    for (let n = 0; n < each; n++) {
      chunk.set(codes ?? []);
      meter.write(chunk);
      peak = Math.max(peak, used());
    }
  }
  const measured = meter.end();

  const elements = tensors.reduce((sum, { bytes = 1 }) => sum + (each * MIB) / bytes, 0);
  expect(measured).toMatchObject({ parameters: elements, nonFinite: 0 });
  expect(measured.weightNorm / Math.sqrt(elements * 2.5)).toBeCloseTo(1, 15);
  expect(measured.layers).toHaveLength(64);
  for (const { mean, max } of measured.tensors) expect([mean, max]).toEqual([0.5, 2]);
  expect(peak - before).toBeLessThan(MEMORY_LIMIT);
  if (process.env["STREAM_MIB"]) process.stdout.write(`peak ${((peak - before) / MIB).toFixed(1)} MiB\n`);
}, 600_000);
