import { createHash, randomBytes } from "node:crypto";
import { type ReadableByteStreamController, ReadableStream } from "node:stream/web";
import { expect, test } from "vitest";
import { Sha256 } from "../../src/artifacts/sha256.ts";
import type { Context } from "../../src/context.ts";
import type { Verification } from "../../src/database/schema.ts";
import { measureObject } from "../../src/services/upload/measure-object.ts";
import { createMeter, type Measurement, TensorFormatError } from "../../src/tensors/meter.ts";
import { writeSafetensors } from "../../trainer/src/safetensors.ts";
import { paddedModel } from "../stack/padded-model.ts";

/** A store of one object, which hangs up `breaks` times, each after some bytes. */
function storeOf(file: Uint8Array, breaks = 0): Context {
  let left = breaks;
  const open = async (_: string, { from, to }: { from: number; to: number }) => {
    let at = from;
    const end = left > 0 ? Math.min(to, from + 1 + Math.floor((to - from) / 2)) : to;
    return new ReadableStream({
      type: "bytes",
      pull(controller: ReadableByteStreamController) {
        if (at < end) {
          const next = Math.min(end, at + 1000);
          controller.enqueue(Uint8Array.from(file.subarray(at, next)));
          at = next;
        } else if (end < to) {
          left -= 1;
          controller.error(new Error("the store hung up"));
        } else {
          controller.close();
          // A read into a buffer of the reader's own is still waiting.
          (controller.byobRequest as { respond(bytes: number): void } | undefined)?.respond(0);
        }
      },
    });
  };
  return { artifacts: { open } } as unknown as Context;
}

const PATTERN: [name: string, dtype: string, elements: number, bytes: number][] = [
  ["none", "F32", 0, 4],
  ["embed.weight", "F32", 3000, 4],
  ["block.0.weight", "BF16", 5000, 2],
  ["block.0.bias", "F32", 7, 4],
  ["empty", "F16", 0, 2],
  ["block.1.weight", "F64", 900, 8],
  ["steps", "I64", 3, 8],
  ["block.1.bias", "F16", 1, 2],
  ["last", "F32", 0, 4],
];

function safetensors(): Buffer {
  const entries: string[] = [];
  const data: Buffer[] = [];
  let at = 0;
  for (const [name, dtype, elements, bytes] of PATTERN) {
    const length = elements * bytes;
    entries.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${elements}],"data_offsets":[${at},${at + length}]}`,
    );
    // Exponents of every size would hide the small ones' share in the norm.
    data.push(Buffer.from(randomBytes(length).map((byte) => byte & 0x3f)));
    at += length;
  }
  const json = Buffer.from(`{"__metadata__":{"step":"1"},${entries.join(",")}}`);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...data]);
}

function inOnePass(format: "safetensors" | "onnx", file: Uint8Array) {
  const meter = createMeter(format);
  meter.write(file);
  return { digest: `sha256:${createHash("sha256").update(file).digest("hex")}`, measurement: meter.end() };
}

async function inMessages(ctx: Context, bytes: number, stretchBytes: number) {
  let saved: Verification | null = null;
  for (let messages = 1; ; messages += 1) {
    const received = await measureObject(
      ctx,
      { objectKey: "k", bytes },
      {
        from: saved,
        stretchBytes,
        save: async (state) => {
          // As it comes back from a database.
          saved = JSON.parse(JSON.stringify(state));
          return false;
        },
      },
    );
    if (received) return { ...received, messages };
  }
}

/** Norms and means are joined of those of pieces, so up to rounding. */
function expectSame(got: Measurement, want: Measurement) {
  const near = (a = 0, b = 0) => expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-12 * Math.abs(b));
  const exact = ({ weightNorm: _, layers, tensors, ...rest }: Measurement) => ({
    ...rest,
    layers: layers.map(({ norm: _, ...layer }) => layer),
    tensors: tensors.map(({ norm: _, mean: __, ...tensor }) => tensor),
  });
  expect(exact(got)).toEqual(exact(want));
  near(got.weightNorm, want.weightNorm);
  for (const [n, { norm }] of want.layers.entries()) near(got.layers[n]?.norm, norm);
  for (const [n, { norm, mean }] of want.tensors.entries()) {
    near(got.tensors[n]?.norm, norm);
    near(got.tensors[n]?.mean, mean);
  }
}

test.each([
  { stretchBytes: 997, messages: 30 },
  { stretchBytes: 13_000, messages: 3 },
  { stretchBytes: 1_000_000, messages: 1 },
])(
  "safetensors read back $stretchBytes bytes at a time is what one pass finds, in $messages messages, also where they end within a tensor",
  async (given) => {
    const file = safetensors();
    const received = await inMessages(storeOf(file), file.length, given.stretchBytes);
    const want = inOnePass("safetensors", file);
    expect(received.messages).toBe(given.messages);
    expect(received.digest).toBe(want.digest);
    expectSame(received.measurement, want.measurement);
  },
);

test.each([
  { name: "a mask", values: [0, -Infinity, 0, -Infinity, -Infinity, 0], role: "constant" },
  { name: "a finite mask with pieces of zeros alone", values: [0, 0, 0, -30000, 0, 0], role: "constant" },
  { name: "pieces that are masks of different values", values: [-20000, 0, -30000, 0, 0, 0], role: "weight" },
  { name: "zeros", values: [0, 0, 0, 0, 0, 0], role: "weight" },
  { name: "NaN and infinities", values: [NaN, 1, Infinity, -Infinity, 2, 0], role: "weight" },
])("$name read back two elements at a time has the role that one pass finds", async ({ values, role }) => {
  const file = writeSafetensors(new Map([["w", { shape: [2, 3], values: Float32Array.from(values) }]]), {});
  const received = await inMessages(storeOf(file), file.length, 8);
  expect(received.messages).toBe(3);
  expect(received.measurement.tensors[0]?.role).toBe(role);
  expectSame(received.measurement, inOnePass("safetensors", file).measurement);
});

test("what an earlier version wrote down is not gone on from", async () => {
  const file = safetensors();
  const from = { offset: 5000, hash: new Sha256().state(), measurement: null } as unknown as Verification;
  const progress = { from, stretchBytes: 1_000_000, save: async () => true };
  const received = await measureObject(storeOf(file), { objectKey: "k", bytes: file.length }, progress);
  if (!received) throw new Error("it was put down");
  const want = inOnePass("safetensors", file);
  expect(received.digest).toBe(want.digest);
  expectSame(received.measurement, want.measurement);
});

test("a store that hangs up now and then is asked for the rest", async () => {
  const file = safetensors();
  const received = await inMessages(storeOf(file, 12), file.length, 8_000);
  expect(received.digest).toBe(inOnePass("safetensors", file).digest);
  const model = paddedModel("onnx", 50_000);
  const onnx = await inMessages(storeOf(model, 3), model.length, 1);
  expect(onnx).toMatchObject({ messages: 1, ...inOnePass("onnx", model) });
});

test("a file that is cut short, goes on too long or is no checkpoint is refused", async () => {
  const file = safetensors();
  for (const bad of [
    file.subarray(0, -1),
    file.subarray(0, 20),
    Buffer.concat([file, Buffer.of(0)]),
    randomBytes(5000),
  ]) {
    await expect(inMessages(storeOf(bad), bad.length, 8_000)).rejects.toThrow(TensorFormatError);
  }
});
