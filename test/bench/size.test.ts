import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { sizedFile } from "../../bench/size/file.ts";
import { exponentOf, fitLine } from "../../bench/size/fit.ts";
import { createMeter } from "../../src/tensors/meter.ts";

test("a file of any size is one of weights, whatever pieces it is taken in", () => {
  const file = sizedFile(17);
  const pieces = [0, 5, 100, 16_000_000, 16_000_333, file.bytes];
  const hash = createHash("sha256");
  const meter = createMeter("safetensors");
  pieces.slice(1).forEach((to, n) => {
    const piece = file.slice(pieces[n] ?? 0, to);
    hash.update(piece);
    meter.write(piece);
  });
  expect(meter.end()).toMatchObject({ parameters: 4_250_000, nonFinite: 0, tensors: [{}, {}] });
  expect(`sha256:${hash.digest("hex")}`).toBe(file.digest);
  expect(sizedFile(17).digest).not.toBe(file.digest);
});

test("the fit finds the fixed cost and the one a MB, and the exponent tells a line from a curve", () => {
  const samples = [1, 10, 100, 1000].map((size) => ({ size, value: 0.02 + 0.01 * size }));
  const { fixed, perMegabyte } = fitLine(samples);
  expect(fixed).toBeCloseTo(0.02, 12);
  expect(perMegabyte).toBeCloseTo(0.01, 12);
  expect(exponentOf([1, 10, 100].map((size) => ({ size, value: 3 * size ** 1.5 })))).toBeCloseTo(1.5, 12);
});
