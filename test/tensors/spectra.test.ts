import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMeter, type Format } from "../../src/tensors/meter.ts";
import { fitPowerLaw } from "../../src/tensors/power-law.ts";
import { describeSpectrum, singularValues, spectrumWork } from "../../src/tensors/spectra.ts";
import { type SpectrumLimits, SpectrumReader } from "../../src/tensors/spectrum-reader.ts";
import { bytes, dims, FLOAT, floats, initializer, integer, message, model, node, text } from "./onnx-builder.ts";
import { bytesOfArray, type Entry, safetensors } from "./safetensors-builder.ts";

const spectrumOf = (rows: number, columns: number, values: ArrayLike<number>) =>
  describeSpectrum(singularValues(Float64Array.from(values), rows, columns));

/** Seeded uniform numbers inside of (0, 1). */
function uniforms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
}

function gaussians(seed: number, length: number): Float64Array {
  const uniform = uniforms(seed);
  return Float64Array.from({ length }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

describe("singular values of matrices worked by hand", () => {
  const r2 = Math.SQRT1_2;
  test.each([
    { name: "diagonal", rows: 3, columns: 3, values: [3, 0, 0, 0, -5, 0, 0, 0, 0.5], want: [5, 3, 0.5] },
    { name: "triangular", rows: 2, columns: 2, values: [3, 0, 4, 5], want: [Math.sqrt(45), Math.sqrt(5)] },
    { name: "wide", rows: 2, columns: 3, values: [3, 2, 2, 2, 3, -2], want: [5, 3] },
    { name: "tall", rows: 3, columns: 2, values: [3, 2, 2, 3, 2, -2], want: [5, 3] },
    { name: "a rotation", rows: 2, columns: 2, values: [r2, -r2, r2, r2], want: [1, 1] },
    { name: "of rank 1", rows: 2, columns: 3, values: [1, 2, 2, 2, 4, 4], want: [Math.sqrt(45), 0] },
    { name: "a row", rows: 1, columns: 2, values: [3, 4], want: [5] },
    { name: "a column", rows: 2, columns: 1, values: [3, 4], want: [5] },
    { name: "zero", rows: 2, columns: 3, values: [0, 0, 0, 0, 0, 0], want: [0, 0] },
    {
      name: "huge",
      rows: 2,
      columns: 2,
      values: [3e300, 0, 4e300, 5e300],
      want: [Math.sqrt(45) * 1e300, 5 ** 0.5 * 1e300],
    },
    { name: "tiny", rows: 2, columns: 2, values: [3e-310, 0, 0, 1e-310], want: [3e-310, 1e-310] },
    { name: "empty", rows: 0, columns: 4, values: [], want: [] },
  ])("$name", ({ rows, columns, values, want }) => {
    const sigmas = singularValues(Float64Array.from(values), rows, columns);
    expect(sigmas.length).toBe(want.length);
    const [largest = 0] = want;
    want.forEach((sigma, i) => {
      expect(Math.abs((sigmas[i] as number) - sigma)).toBeLessThanOrEqual(4e-15 * largest);
    });
  });

  test("a circulant has those of its Fourier transform", () => {
    const row = [4, 1, -2, 0.5, 3, -1, 0, 2];
    const n = row.length;
    const values = Float64Array.from(
      { length: n * n },
      (_, at) => row[((at % n) - Math.floor(at / n) + n) % n] as number,
    );
    const want = row.map((_, k) => {
      const [re, im] = row.reduce(
        ([re, im], x, j) => [
          re + x * Math.cos((2 * Math.PI * j * k) / n),
          im + x * Math.sin((2 * Math.PI * j * k) / n),
        ],
        [0, 0] as [number, number],
      );
      return Math.hypot(re, im);
    });
    const sigmas = singularValues(values, n, n);
    want
      .toSorted((a, b) => b - a)
      .forEach((sigma, i) => {
        expect(sigmas[i]).toBeCloseTo(sigma, 12);
      });
  });
});

test("any matrix has the singular values of its transpose, and their squares sum to those of its elements", () => {
  // Zeros, equal numbers and both signs are what decompositions stumble over.
  const element = fc.oneof(fc.constantFrom(0, 1, -1, 1, 2, 2 ** -40), fc.double({ min: -10, max: 10, noNaN: true }));
  const matrix = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })).chain(([rows, columns]) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      values: fc.array(element, { minLength: rows * columns, maxLength: rows * columns }),
    }),
  );
  fc.assert(
    fc.property(matrix, ({ rows, columns, values }) => {
      const sigmas = singularValues(Float64Array.from(values), rows, columns);
      const transpose = values.map((_, at) => values[(at % rows) * columns + Math.floor(at / rows)] as number);
      const others = singularValues(Float64Array.from(transpose), columns, rows);
      const squares = values.reduce((sum, x) => sum + x * x, 0);
      expect(sigmas).toHaveLength(Math.min(rows, columns));
      sigmas.forEach((sigma, i) => {
        expect(sigma).toBeLessThanOrEqual(sigmas[i - 1] ?? Infinity);
        expect(Math.abs(sigma ** 2 - (others[i] as number) ** 2)).toBeLessThanOrEqual(1e-13 * squares);
      });
      const sum = sigmas.reduce((total, sigma) => total + sigma * sigma, 0);
      expect(Math.abs(sum - squares)).toBeLessThanOrEqual(1e-13 * squares);
    }),
    { seed: 31, numRuns: 2000 },
  );
});

describe("matrices that no decomposition likes", () => {
  const of = (rows: number, columns: number, element: (row: number, column: number) => number) =>
    singularValues(
      Float64Array.from({ length: rows * columns }, (_, at) => element(Math.floor(at / columns), at % columns)),
      rows,
      columns,
    );
  const zeros = (count: number) => new Array<number>(count).fill(0);

  test.each([
    { name: "all ones", sigmas: of(237, 226, () => 1), want: [Math.sqrt(237 * 226), ...zeros(225)] },
    {
      name: "equal rows",
      sigmas: of(161, 65, (_, column) => (column === 7 ? 2 : 0)),
      want: [2 * Math.sqrt(161), ...zeros(64)],
    },
    {
      name: "signs in turn",
      sigmas: of(114, 108, (row, column) => (-1) ** (row + column)),
      want: [Math.sqrt(114 * 108), ...zeros(107)],
    },
    {
      name: "three hundred orders of magnitude",
      sigmas: of(13, 13, (row, column) => (row === column ? 10 ** (-25 * row) : 0)),
      want: [1, ...zeros(12)],
    },
    {
      name: "a Jordan block of zeros",
      sigmas: of(40, 40, (row, column) => (column === row + 1 ? 1 : 0)),
      want: [...new Array<number>(39).fill(1), 0],
    },
  ])("$name", ({ sigmas, want }) => {
    expect(sigmas).toHaveLength(want.length);
    want.forEach((sigma, i) => {
      expect(Math.abs((sigmas[i] as number) - sigma)).toBeLessThanOrEqual(sigma === 0 ? 0 : 1e-13 * sigma);
    });
  });

  test("rows equal to the last bit have rank 1", () => {
    const row = gaussians(8, 74);
    const sigmas = of(223, 74, (_, column) => row[column] as number);
    expect(sigmas.filter((sigma) => sigma > 0)).toHaveLength(1);
    expect((sigmas[0] ?? 0) / Math.sqrt(223 * row.reduce((sum, x) => sum + x * x, 0))).toBeCloseTo(1, 13);
  });
});

describe("ranks", () => {
  test("of a rotation are all of its size", () => {
    const identity = Array.from({ length: 49 }, (_, at) => (at % 8 === 0 ? 1 : 0));
    const spectrum = spectrumOf(7, 7, identity);
    expect(spectrum).toMatchObject({ spectralNorm: 1, rank: 7, alpha: null, tail: null, tailDistance: null });
    expect(spectrum?.effectiveRank).toBeCloseTo(7, 12);
    expect(spectrum?.stableRank).toBeCloseTo(7, 12);
  });

  test("of an outer product are all 1", () => {
    const outer = Array.from({ length: 12 * 20 }, (_, at) => Math.sin(at % 20) * Math.cos(Math.floor(at / 20)));
    const spectrum = spectrumOf(12, 20, outer);
    expect(spectrum?.rank).toBe(1);
    expect(spectrum?.effectiveRank).toBeCloseTo(1, 10);
    expect(spectrum?.stableRank).toBeCloseTo(1, 12);
  });

  test("by hand: singular values 2, 1, 1", () => {
    const spectrum = spectrumOf(3, 3, [1, 0, 0, 0, 2, 0, 0, 0, 1]);
    // Entropy of (1/2, 1/4, 1/4) is 1.5 ln 2; squares are 4, 1, 1.
    expect(spectrum?.effectiveRank).toBeCloseTo(2 ** 1.5, 12);
    expect(spectrum?.stableRank).toBeCloseTo(6 / 4, 12);
  });

  test("do not depend on scale, even where squares leave float64", () => {
    const values = gaussians(5, 60);
    const one = spectrumOf(6, 10, values);
    for (const scale of [2 ** 900, 2 ** -900]) {
      const other = spectrumOf(
        6,
        10,
        values.map((x) => x * scale),
      );
      expect(other?.effectiveRank).toBeCloseTo(one?.effectiveRank ?? 0, 12);
      expect(other?.stableRank).toBeCloseTo(one?.stableRank ?? 0, 12);
    }
  });

  test("of nothing but zeros there are none", () => {
    expect(spectrumOf(3, 2, [0, 0, 0, 0, 0, 0])).toBeNull();
  });
});

describe("a Gaussian matrix has Marchenko and Pastur's spectrum", () => {
  const [rows, columns] = [240, 120];
  const q = columns / rows;
  const sigmas = singularValues(gaussians(11, rows * columns), rows, columns);
  const eigenvalues = sigmas.map((sigma) => sigma ** 2 / rows);

  test("by its moments 1, 1 + q, 1 + 3q + q^2", () => {
    const moment = (k: number) => eigenvalues.reduce((sum, x) => sum + x ** k, 0) / columns;
    expect(moment(1)).toBeCloseTo(1, 1);
    expect(Math.abs(moment(2) / (1 + q) - 1)).toBeLessThan(0.03);
    expect(Math.abs(moment(3) / (1 + 3 * q + q * q) - 1)).toBeLessThan(0.06);
  });

  test("by its edges (1 ± sqrt q)^2", () => {
    expect(eigenvalues[0]).toBeCloseTo((1 + Math.sqrt(q)) ** 2, 0);
    expect(Math.abs((eigenvalues[0] ?? 0) / (1 + Math.sqrt(q)) ** 2 - 1)).toBeLessThan(0.05);
    expect(Math.abs((eigenvalues.at(-1) ?? 0) / (1 - Math.sqrt(q)) ** 2 - 1)).toBeLessThan(0.25);
  });

  test("and no heavy tail: its exponent is far above that of trained weights", () => {
    const spectrum = describeSpectrum(sigmas);
    expect(spectrum?.alpha).toBeGreaterThan(2.5);
    expect(spectrum?.rank).toBe(columns);
    expect(Math.abs((spectrum?.stableRank ?? 0) / (columns / (1 + Math.sqrt(q)) ** 2) - 1)).toBeLessThan(0.06);
  });
});

describe("the power law", () => {
  test("by hand: ten powers of two", () => {
    const fit = fitPowerLaw([1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
    // Mean of ln(x / 1) is 4.5 ln 2.
    expect(fit).toMatchObject({ start: 1, tail: 10 });
    expect(fit?.alpha).toBeCloseTo(1 + 1 / (4.5 * Math.LN2), 12);
  });

  test.each([
    { alpha: 1.5, n: 3000 },
    { alpha: 2, n: 3000 },
    { alpha: 3, n: 3000 },
    { alpha: 5, n: 3000 },
    { alpha: 2.5, n: 200 },
  ])("finds the exponent $alpha of $n Pareto numbers", ({ alpha, n }) => {
    const uniform = uniforms(n + alpha);
    const points = Array.from({ length: n }, () => 7 * uniform() ** (-1 / (alpha - 1)));
    const fit = fitPowerLaw(points);
    // Its standard error is (alpha - 1) / sqrt(tail); the choice of the start adds to it.
    expect(Math.abs((fit?.alpha ?? 0) - alpha)).toBeLessThan((4 * (alpha - 1)) / Math.sqrt(fit?.tail ?? 0));
    expect(fit?.tail).toBeGreaterThan(n / 4);
    expect(fit?.distance).toBeLessThan(1.5 / Math.sqrt(fit?.tail ?? 0));
  });

  test("finds where the tail begins", () => {
    const uniform = uniforms(3);
    const body = Array.from({ length: 1500 }, () => 10 * uniform());
    const tail = Array.from({ length: 1500 }, () => 10 * uniform() ** (-1 / 1.5));
    const fit = fitPowerLaw([...body, ...tail]);
    expect(Math.abs((fit?.start ?? 0) / 10 - 1)).toBeLessThan(0.25);
    expect(Math.abs((fit?.alpha ?? 0) - 2.5)).toBeLessThan(0.15);
  });

  test("does not depend on order or scale", () => {
    const points = Array.from({ length: 60 }, (_, i) => 1.1 ** i + i);
    const fit = fitPowerLaw(points);
    expect(fitPowerLaw(points.toReversed())).toEqual(fit);
    const scaled = fitPowerLaw(points.map((x) => x * 1e-6));
    expect(scaled?.alpha).toBeCloseTo(fit?.alpha ?? 0, 8);
    expect(scaled?.tail).toBe(fit?.tail);
  });

  test.each([
    { name: "nine points", points: [1, 2, 3, 4, 5, 6, 7, 8, 9] },
    { name: "equal points", points: new Array<number>(50).fill(3) },
    { name: "no points", points: [] },
  ])("is none for $name", ({ points }) => {
    expect(fitPowerLaw(points)).toBeNull();
  });
});

describe("a meter with a reader of spectra", () => {
  const matrix = (name: string, rows: number, columns: number, seed: number): Entry => ({
    name,
    dtype: "F32",
    shape: [rows, columns],
    data: bytesOfArray(Float32Array.from(gaussians(seed, rows * columns))),
  });
  const measure = (format: Format, file: Uint8Array, limits: Partial<SpectrumLimits> = {}, chunk = file.length) => {
    const meter = createMeter(format, {}, { spectra: new SpectrumReader(limits) });
    for (let at = 0; at < file.length; at += chunk) meter.write(file.subarray(at, at + chunk));
    return meter.end();
  };
  const file = safetensors([
    matrix("a.weight", 20, 30, 1),
    { name: "a.bias", dtype: "F32", shape: [2], data: floats(1, 2) },
    matrix("b.weight", 30, 12, 2),
    { name: "half", dtype: "BF16", shape: [2, 2], data: bytesOfArray(Uint16Array.of(0x3f80, 0, 0, 0x4000)) },
    { name: "ids", dtype: "I64", shape: [1, 1], data: bytesOfArray(BigInt64Array.of(3n)) },
    matrix("c.running_mean", 3, 3, 4),
  ]);

  test("adds them to 2-D weights and to nothing else", () => {
    const { tensors } = measure("safetensors", file);
    const [a, bias, b, half, ids, mean] = tensors;
    const direct = (rows: number, columns: number, seed: number) =>
      spectrumOf(rows, columns, Float32Array.from(gaussians(seed, rows * columns)));
    expect(a?.spectrum).toEqual(direct(20, 30, 1));
    expect(b?.spectrum).toEqual(direct(30, 12, 2));
    expect(half?.spectrum).toMatchObject({ spectralNorm: 2, rank: 2, stableRank: 1.25, alpha: null });
    for (const tensor of [bias, ids, mean]) expect(tensor).not.toHaveProperty("spectrum");
    // It changes nothing else, and a meter without one reads none.
    const without = createMeter("safetensors");
    without.write(file);
    expect(tensors.map(({ spectrum: _, ...rest }) => rest)).toEqual(without.end().tensors);
  });

  test("reads the same in any chunks, and in ONNX with the name and type after the data", () => {
    expect(measure("safetensors", file, {}, 7)).toEqual(measure("safetensors", file));
    const data = bytesOfArray(Float32Array.from(gaussians(1, 600)));
    const late = message(5, bytes(9, data), integer(2, FLOAT), dims([20, 30]), text(8, "a.weight"));
    for (const onnx of [model([initializer("a.weight", FLOAT, [20, 30], data)]), model([late])]) {
      expect(measure("onnx", onnx, {}, 11).tensors[0]?.spectrum).toEqual(
        measure("safetensors", file).tensors[0]?.spectrum,
      );
    }
  });

  test("leaves out what only the end of an ONNX file shows to be no weight", () => {
    const onnx = model([initializer("low", FLOAT, [1, 1], floats(2)), node("Clip", ["x", "low"], ["y"])]);
    expect(measure("onnx", onnx).tensors[0]).not.toHaveProperty("spectrum");
  });

  test.each<{ noSpectrum: string; limits: Partial<SpectrumLimits>; entry: Entry }>([
    { noSpectrum: "too_large", limits: { side: 4 }, entry: matrix("w", 5, 9, 1) },
    { noSpectrum: "too_large", limits: { elements: 44 }, entry: matrix("w", 5, 9, 1) },
    { noSpectrum: "budget_spent", limits: { work: spectrumWork(5, 9) - 1 }, entry: matrix("w", 5, 9, 1) },
    { noSpectrum: "zero", limits: {}, entry: { name: "w", dtype: "F32", shape: [1, 2], data: floats(0, 0) } },
    { noSpectrum: "zero", limits: {}, entry: { name: "w", dtype: "F32", shape: [0, 2], data: floats() } },
    { noSpectrum: "not_finite", limits: {}, entry: { name: "w", dtype: "F32", shape: [2, 1], data: floats(NaN, 1) } },
  ])("says why there is none: $noSpectrum with $limits", ({ noSpectrum, limits, entry }) => {
    const { tensors } = measure("safetensors", safetensors([entry]), limits);
    expect(tensors[0]).toMatchObject({ spectrum: null, noSpectrum });
  });

  test("spends its budget in the order of the file, and on what still fits", () => {
    const three = safetensors([matrix("a", 6, 6, 1), matrix("b", 6, 6, 2), matrix("c", 2, 2, 3)]);
    const { tensors } = measure("safetensors", three, { work: spectrumWork(6, 6) + spectrumWork(2, 2) });
    expect(tensors.map(({ noSpectrum }) => noSpectrum)).toEqual([undefined, "budget_spent", undefined]);
  });

  test("can take what the limits allow, exactly", () => {
    const { tensors } = measure("safetensors", safetensors([matrix("w", 5, 9, 1)]), {
      side: 5,
      elements: 45,
      work: spectrumWork(5, 9),
    });
    expect(tensors[0]?.spectrum).toMatchObject({ rank: 5 });
  });
});
