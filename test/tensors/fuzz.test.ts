import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMeter, type Format, type MeterLimits, TENSOR_FORMAT_CODES } from "../../src/tensors/meter.ts";
import { readSafetensors } from "../../src/tensors/safetensors.ts";
import { makeCase, tryCase } from "./fuzz/cases.ts";
import { refusal } from "./measure.ts";
import { dims, FLOAT, integer, linearGraph, linearModel, message, model, packed, text } from "./onnx-builder.ts";
import { bytesOfArray, safetensors } from "./safetensors-builder.ts";

// Seeded and short, so that every run sees the same files. `npm run fuzz` goes on for as long as it is told.
const numRuns = Number(process.env["FUZZ_RUNS"] ?? 1500);
const KNOWN = new Set<string>(["accepted", ...TENSOR_FORMAT_CODES]);
const SMALL: Partial<MeterLimits> = { keptBytes: 10_000, nodes: 100, tensors: 20 };

const seeds: readonly { format: Format; file: Uint8Array }[] = [
  { format: "onnx", file: linearModel() },
  {
    format: "onnx",
    file: model(
      [
        ...linearGraph,
        message(
          5,
          dims([3]),
          integer(2, 10),
          packed(5, (writer, value) => writer.int32(Number(value)), [15360, 0, 31744]),
          text(8, "half"),
        ),
        message(5, integer(1, 1), integer(2, FLOAT), (writer) => writer.tag(4, 5).float(2), text(8, "unpacked")),
      ],
      message(25, text(1, "f"), message(7, text(4, "Relu")), text(10, "my")),
    ),
  },
  {
    format: "safetensors",
    file: safetensors(
      [
        { name: "a", dtype: "F16", shape: [2, 2], data: bytesOfArray(Uint16Array.of(1, 2, 3, 4)) },
        { name: "b", dtype: "F64", shape: [1], data: bytesOfArray(Float64Array.of(0.5)) },
        { name: "c", dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) },
      ],
      { task: "classification" },
    ),
  },
];

type Edit = readonly [kind: "set" | "insert" | "remove" | "copy", at: number, value: number];

const interesting = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x08, 0x0a, 0x2a, 0x22, 0x5c, 0x7b));
const edits = fc.array(fc.tuple(fc.constantFrom("set", "insert", "remove", "copy"), fc.nat(2000), interesting), {
  minLength: 1,
  maxLength: 6,
}) as fc.Arbitrary<Edit[]>;

function mutate(file: Uint8Array, changes: readonly Edit[]): Uint8Array {
  const bytes = [...file];
  for (const [kind, position, value] of changes) {
    const at = position % (bytes.length + 1);
    if (kind === "set") bytes[at] = value;
    else if (kind === "insert") bytes.splice(at, 0, value);
    else if (kind === "remove") bytes.splice(at, 1 + (value % 8));
    else bytes.splice(at, 0, ...bytes.slice(at, at + value));
  }
  return Uint8Array.from(bytes);
}

function tryMeter(format: Format, file: Uint8Array, chunk: number): string {
  return refusal(() => {
    const meter = createMeter(format, SMALL);
    for (let at = 0; at < file.length; at += chunk) meter.write(file.subarray(at, at + chunk));
    const measurement = meter.end();
    // What is accepted is fit to be stored: numbers are finite and counts add up.
    expect(JSON.parse(JSON.stringify(measurement))).toEqual(measurement);
    expect(Number.isFinite(measurement.weightNorm) && measurement.weightNorm >= 0).toBe(true);
  });
}

test("a file damaged in its structure is measured or refused with a known code, the same in any chunks", () => {
  const seen = new Set<string>();
  for (let index = 0; index < numRuns; index++) {
    try {
      seen.add(tryCase(makeCase(22, index)));
    } catch (error) {
      throw new Error(`npm run fuzz -- --seed 22 --case ${index}`, { cause: error });
    }
  }
  expect(seen.size).toBeGreaterThan(20);
});

describe("a damaged file", () => {
  test.each(seeds)("$format is measured or refused with a known code, the same in any chunks", ({ format, file }) => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(edits, fc.integer({ min: 1, max: 40 }), (changes, chunk) => {
        const damaged = mutate(file, changes);
        const code = tryMeter(format, damaged, damaged.length);
        expect(KNOWN).toContain(code);
        expect(tryMeter(format, damaged, chunk)).toBe(code);
        if (format === "safetensors") expect(refusal(() => readSafetensors(damaged))).toBe(code);
        seen.add(code);
      }),
      { seed: 20, numRuns },
    );
    // The fuzz must reach into the format, not bounce off its door.
    expect(seen.size).toBeGreaterThan(5);
  });

  test("of random bytes is refused by both meters", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (file) => {
        expect(KNOWN).toContain(tryMeter("onnx", file, Math.max(file.length, 1)));
        expect(KNOWN).toContain(tryMeter("safetensors", file, Math.max(file.length, 1)));
      }),
      { seed: 21, numRuns },
    );
  });
});
