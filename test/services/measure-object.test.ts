import { createHash, randomBytes } from "node:crypto";
import { type ReadableByteStreamController, ReadableStream } from "node:stream/web";
import { expect, test } from "vitest";
import type { Context } from "../../src/context.ts";
import type { Verification } from "../../src/database/schema.ts";
import { measureObject } from "../../src/services/upload/measure-object.ts";
import { createMeter, type Measurement, TensorFormatError } from "../../src/tensors/meter.ts";
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

function expectSame(got: Measurement, want: Measurement) {
  const { weightNorm, layers, ...exact } = want;
  expect(got).toMatchObject(exact);
  expect(got.weightNorm / weightNorm).toBeCloseTo(1, 12);
  expect(got.layers.map(({ norm, ...layer }) => layer)).toEqual(layers.map(({ norm, ...layer }) => layer));
  for (const [n, { norm }] of layers.entries()) {
    expect(Math.abs((got.layers[n]?.norm ?? 0) - norm)).toBeLessThanOrEqual(1e-12 * norm);
  }
}

test.each([
  { stretchBytes: 1, messages: 6 },
  { stretchBytes: 13_000, messages: 2 },
  { stretchBytes: 1_000_000, messages: 1 },
])(
  "safetensors read back $stretchBytes bytes at a time is what one pass finds, in $messages messages",
  async (given) => {
    const file = safetensors();
    const received = await inMessages(storeOf(file), file.length, given.stretchBytes);
    const want = inOnePass("safetensors", file);
    expect(received.messages).toBe(given.messages);
    expect(received.digest).toBe(want.digest);
    expectSame(received.measurement, want.measurement);
  },
);

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
