import { describe, expect, test } from "vitest";
import { measure } from "./measure.ts";
import { bytesOfArray, type Entry, safetensors } from "./safetensors-builder.ts";

const f32 = (name: string, values: Float32Array): Entry => ({
  name,
  dtype: "F32",
  shape: [values.length],
  data: bytesOfArray(values),
});
const f64 = (name: string, ...values: number[]): Entry => ({
  name,
  dtype: "F64",
  shape: [values.length],
  data: bytesOfArray(Float64Array.from(values)),
});

/** Square root of a natural number, rounded down. */
function integerRoot(n: bigint): bigint {
  let root = BigInt(Math.floor(Math.sqrt(Number(n))));
  while (root * root > n) root--;
  while ((root + 1n) * (root + 1n) <= n) root++;
  return root;
}

describe("the weight norm", () => {
  test("is exact to the last bit or two where plain summation is not", () => {
    // Squares of integers over 2^20, summed exactly as BigInt.
    let state = 12345;
    const values = new Float32Array(1_000_000);
    let squares = 0n;
    for (let i = 0; i < values.length; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      const x = (state >>> 8) - 2 ** 23;
      values[i] = x / 2 ** 20;
      squares += BigInt(x) * BigInt(x);
    }
    const scale = 2n ** 40n;
    const exact = Number(integerRoot(squares * scale * scale)) / Number(scale) / 2 ** 20;
    const { weightNorm } = measure("safetensors", safetensors([f32("w", values)]));
    expect(Math.abs(weightNorm / exact - 1)).toBeLessThan(3e-16);
  });

  test("does not lose ten million small weights beside a large one", () => {
    const values = new Float32Array(10_000_001).fill(2 ** -14);
    values[0] = 2 ** 14;
    const exact = Math.sqrt(2 ** 28 + 1e7 * 2 ** -28);
    expect(measure("safetensors", safetensors([f32("w", values)])).weightNorm).toBe(exact);
  });

  test("is that of all tensors together, in any division and order", () => {
    const values = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i) * 10 ** (i % 7));
    const one = measure("safetensors", safetensors([f32("all", values)])).weightNorm;
    const parts = [values.subarray(0, 1), values.subarray(1, 1700), values.subarray(1700)].map((part, i) =>
      f32(`w${i}`, part),
    );
    for (const entries of [parts, parts.toReversed()]) {
      expect(measure("safetensors", safetensors(entries)).weightNorm / one).toBeCloseTo(1, 15);
    }
  });

  test.each([
    { name: "overflow", values: [3e200, 4e200], want: 5e200 },
    { name: "vanish", values: [3e-200, -4e-200], want: 5e-200 },
    { name: "vanish beside subnormals", values: [5e-324], want: 5e-324 },
    { name: "mix", values: [1e200, 1, 1e-200], want: 1e200 },
    { name: "leave the range of JSON", values: [Number.MAX_VALUE, Number.MAX_VALUE], want: Number.MAX_VALUE },
  ])("of float64 does not $name", ({ values, want }) => {
    const together = measure("safetensors", safetensors([f64("w", ...values)]));
    expect(together.weightNorm / want).toBeCloseTo(1, 14);
    const apart = measure("safetensors", safetensors(values.map((x, i) => f64(`w${i}`, x))));
    expect(apart.weightNorm / want).toBeCloseTo(1, 14);
    expect(JSON.parse(JSON.stringify(together))).toEqual(together);
  });
});
