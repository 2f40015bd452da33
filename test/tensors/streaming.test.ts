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
function stream(meter: Meter, shift: number): { growth: number; seconds: number } {
  const source = pattern();
  const chunk = new Uint8Array(CHUNK_BYTES + shift).subarray(shift);
  const used = () => {
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  let start = 0;
  let peak = 0;
  let seconds = 0;
  for (let i = 0; i < CHUNKS; i++) {
    chunk.set(source);
    const before = performance.now();
    meter.write(chunk);
    seconds += (performance.now() - before) / 1000;
    // The first chunks pay for compilation and the workspace.
    if (i === 20) start = used();
    else if (i > 20 && i % 40 === 0) peak = Math.max(peak, used());
  }
  return { growth: peak - start, seconds };
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
    const { growth, seconds } = stream(meter, shift);
    expect(meter.end()).toMatchObject(want);
    expect(growth).toBeLessThan(GROWTH_LIMIT);
    // A tenth of what it does on a slow machine: it catches a fall off V8's fast path, not a busy neighbour.
    expect(CHUNKS / seconds).toBeGreaterThan(40);
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
    const { growth } = stream(meter, 0);
    meter.write(bytesOf(message(8, integer(2, 17))));
    expect(meter.end()).toMatchObject(want);
    expect(growth).toBeLessThan(GROWTH_LIMIT);
  });
});
