import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMeter, type Format } from "../../src/tensors/meter.ts";
import { measure } from "./measure.ts";
import { bytes, dims, FLOAT, initializer, integer, linearGraph, message, model, packed, text } from "./onnx-builder.ts";
import { bytesOfArray, safetensors } from "./safetensors-builder.ts";

const noise = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * i) * 10 ** (i % 5));
const raw = (length: number) => bytesOfArray(noise(length));

const FILES: readonly { format: Format; name: string; file: Uint8Array }[] = [
  {
    format: "onnx",
    name: "raw and typed data",
    file: model([
      ...linearGraph,
      initializer("big", FLOAT, [50, 100], raw(5000)),
      message(
        5,
        dims([300]),
        integer(2, 6),
        packed(5, (writer, value) => writer.int32(Number(value)), [...new Int32Array(noise(300))]),
        text(8, "integers"),
      ),
      message(5, bytes(9, raw(300)), integer(2, FLOAT), dims([300]), text(8, "late")),
    ]),
  },
  {
    format: "safetensors",
    name: "types of every size, unaligned",
    file: safetensors(
      [
        { name: "flag", dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) },
        { name: "w", dtype: "F32", shape: [5000], data: raw(5000) },
        { name: "none", dtype: "F32", shape: [0], data: new Uint8Array() },
        { name: "half", dtype: "F16", shape: [501], data: raw(251).subarray(0, 1002) },
        { name: "wide", dtype: "F64", shape: [100], data: bytesOfArray(new Float64Array(noise(100))) },
        { name: "empty", dtype: "I64", shape: [2, 0], data: new Uint8Array() },
      ],
      { step: "1" },
      1,
    ),
  },
];

describe.each(FILES)("$format with $name", ({ format, file }) => {
  const whole = measure(format, file);

  test.each([1, 2, 3, 5, 7, 13, 64, 1000, 4096])("is measured the same in chunks of %i", (chunk) => {
    expect(measure(format, file, { chunk })).toEqual(whole);
  });

  test("is measured the same in any chunks at any alignment, which are not looked at afterwards", () => {
    const size = fc.oneof(fc.constantFrom(0, 1, 3, 4, 7, 8), fc.nat(5000));
    fc.assert(
      fc.property(fc.array(fc.tuple(size, fc.nat(7)), { maxLength: 60 }), (cuts) => {
        const meter = createMeter(format);
        let at = 0;
        for (const [length, alignment] of [...cuts, [file.length, 0] as const]) {
          const part = file.subarray(at, at + length);
          const chunk = new Uint8Array(part.length + alignment).subarray(alignment);
          chunk.set(part);
          meter.write(chunk);
          chunk.fill(0xa5);
          at += part.length;
        }
        expect(meter.end()).toEqual(whole);
      }),
      { seed: 7, numRuns: 60 },
    );
  });
});
