import { describe, expect, test } from "vitest";
import { readAsFloat64 } from "../../src/tensors/safetensors.ts";
import { measure } from "./measure.ts";
import { initializer, model } from "./onnx-builder.ts";
import { bytesOfArray, safetensors } from "./safetensors-builder.ts";

// Tensors of one and two bytes an element are measured by how often each code occurs, the first 65,536 elements of the
// latter apart. More elements than that, so that both ways and the step between them are seen.
const ELEMENTS = 150_001;

function randomCodes(bytes: 1 | 2): Uint8Array {
  let state = 99;
  const codes = bytes === 1 ? new Uint8Array(ELEMENTS) : new Uint16Array(ELEMENTS);
  for (let i = 0; i < codes.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    codes[i] = state >>> 16;
  }
  return bytesOfArray(codes);
}

const TYPES = [
  { dtype: "float16", code: "F16", onnx: 10, bytes: 2 },
  { dtype: "bfloat16", code: "BF16", onnx: 16, bytes: 2 },
  { dtype: "int16", code: "I16", onnx: 5, bytes: 2 },
  { dtype: "uint16", code: "U16", onnx: 4, bytes: 2 },
  { dtype: "float8e4m3fn", code: "F8_E4M3", onnx: 17, bytes: 1 },
  { dtype: "float8e5m2", code: "F8_E5M2", onnx: 19, bytes: 1 },
  { dtype: "int8", code: "I8", onnx: 3, bytes: 1 },
  { dtype: "uint8", code: "U8", onnx: 2, bytes: 1 },
] as const;

describe.each(TYPES)("many elements of $dtype", ({ dtype, code, onnx, bytes }) => {
  const data = randomCodes(bytes);
  const shape = [ELEMENTS];
  // float32 first: what is kept from one tensor must not show in the next.
  const file = safetensors([
    { name: "before", dtype: "F32", shape: [1], data: bytesOfArray(Float32Array.of(1)) },
    { name: "t", dtype: code, shape, data },
    { name: "same again", dtype: code, shape, data },
  ]);
  const [, first, second] = measure("safetensors", file).tensors;

  test("has the statistics of its values", () => {
    const values = readAsFloat64({ name: "t", dtype, bytes: data });
    const finite = values.filter(Number.isFinite);
    // Scaled, so that the plain sum of bfloat16's squares stays in range; good to 13 digits, as plain sums are.
    const largest = finite.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const norm = Math.sqrt(finite.reduce((sum, x) => sum + (x / largest) ** 2, 0)) * largest;
    expect(first).toMatchObject({
      zeros: values.filter((x) => x === 0).length,
      nans: values.filter(Number.isNaN).length,
      infinities: values.filter((x) => Math.abs(x) === Infinity).length,
      max: largest,
    });
    expect((first?.norm ?? 0) / norm).toBeCloseTo(1, 12);
    const mean = finite.reduce((sum, x) => sum + x, 0) / finite.length;
    expect(Math.abs((first?.mean ?? 0) - mean)).toBeLessThan(1e-13 * largest);
  });

  test("is measured the same again, in any chunks, and in ONNX", () => {
    expect({ ...second, name: "t" }).toEqual(first);
    for (const chunk of [1, 4097, 65_536 * bytes]) {
      expect(measure("safetensors", file, { chunk }).tensors[1]).toEqual(first);
    }
    const { tensors } = measure("onnx", model([initializer("t", onnx, shape, data)]), { chunk: 1001 });
    const { norm, mean, max, zeros, nans, infinities } = first ?? {};
    expect(tensors[0]).toMatchObject({ norm, mean, max, zeros, nans, infinities });
  });
});

test("one value over and over is counted as often as it is there", () => {
  const halves = new Uint16Array(1_000_000).fill(0x3f80);
  const { tensors, weightNorm } = measure(
    "safetensors",
    safetensors([{ name: "ones", dtype: "BF16", shape: [1000, 1000], data: bytesOfArray(halves) }]),
  );
  expect(weightNorm).toBe(1000);
  expect(tensors[0]).toMatchObject({ mean: 1, max: 1, zeros: 0 });
});
