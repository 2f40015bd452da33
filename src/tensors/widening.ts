import type { Dtype } from "./dtypes.ts";

interface Minifloat {
  readonly exponent: number;
  readonly mantissa: number;
  readonly bias: number;
  /**
   * What the codes that IEEE 754 reserves mean. `ieee`: infinities and NaN. `fn`: no infinities, NaN only where all
   * bits are ones. `fnuz`: no infinities and no negative zero, whose code is the NaN.
   */
  readonly specials: "ieee" | "fn" | "fnuz";
}

// Sources: IEEE 754-2019 binary16; OCP "8-bit Floating Point Specification"; Noune et al. (arXiv 2206.02915) for fnuz.
const MINIFLOATS: Readonly<Partial<Record<Dtype, Minifloat>>> = {
  float16: { exponent: 5, mantissa: 10, bias: 15, specials: "ieee" },
  float8e5m2: { exponent: 5, mantissa: 2, bias: 15, specials: "ieee" },
  float8e5m2fnuz: { exponent: 5, mantissa: 2, bias: 16, specials: "fnuz" },
  float8e4m3fn: { exponent: 4, mantissa: 3, bias: 7, specials: "fn" },
  float8e4m3fnuz: { exponent: 4, mantissa: 3, bias: 8, specials: "fnuz" },
};

function decodeMinifloat(code: number, layout: Minifloat): number {
  const { exponent: exponentBits, mantissa: mantissaBits, bias, specials } = layout;
  const signBit = 1 << (exponentBits + mantissaBits);
  const sign = code & signBit ? -1 : 1;
  const exponent = (code >> mantissaBits) & ((1 << exponentBits) - 1);
  const mantissa = code & ((1 << mantissaBits) - 1);
  const topExponent = exponent === (1 << exponentBits) - 1;
  if (specials === "ieee" && topExponent) return mantissa === 0 ? sign * Infinity : NaN;
  if (specials === "fn" && topExponent && mantissa === (1 << mantissaBits) - 1) return NaN;
  if (specials === "fnuz" && code === signBit) return NaN;
  const fraction = mantissa / 2 ** mantissaBits;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

// Built on first use: float16's has 65,536 entries (256 KiB), and most isolates never see one.
const tables = new Map<Dtype, Float32Array>();

function tableOf(dtype: Dtype): Float32Array {
  let table = tables.get(dtype);
  if (table === undefined) {
    const layout = MINIFLOATS[dtype];
    if (layout === undefined)
      table = Float32Array.from({ length: 256 }, (_, code) => (code === 0 ? 0 : 1)); // bool
    else {
      const codes = 1 << (1 + layout.exponent + layout.mantissa);
      table = Float32Array.from({ length: codes }, (_, code) => decodeMinifloat(code, layout));
    }
    tables.set(dtype, table);
  }
  return table;
}

function lookUp(codes: Uint8Array | Uint16Array, table: Float32Array, into: Float32Array | Float64Array): void {
  for (let i = 0; i < codes.length; i++) into[i] = table[codes[i] as number] as number;
}

function widenLongs(words: Uint32Array, signed: boolean, into: Float32Array | Float64Array): void {
  for (let i = 0, count = words.length >> 1; i < count; i++) {
    const high = words[2 * i + 1] as number;
    into[i] = (signed ? high | 0 : high) * 2 ** 32 + (words[2 * i] as number);
  }
}

/**
 * Decodes `count` little-endian elements at `offset` of `buffer`, which must be a multiple of the element's size,
 * into `into` (at least `count` long). Into a Float64Array every type is exact but integers beyond 2^53, which round
 * to nearest; into a Float32Array values round to nearest once more. Hosts are little-endian: all that run V8 at the
 * edge are.
 */
export function widen(
  dtype: Dtype,
  buffer: ArrayBufferLike,
  offset: number,
  count: number,
  into: Float32Array | Float64Array,
): void {
  switch (dtype) {
    case "float64":
      into.set(new Float64Array(buffer, offset, count));
      break;
    case "float32":
      into.set(new Float32Array(buffer, offset, count));
      break;
    case "bfloat16": {
      // A bfloat16 is the upper half of a float32.
      const codes = new Uint16Array(buffer, offset, count);
      const halves = into instanceof Float32Array ? into : new Float32Array(count);
      const bits = new Uint32Array(halves.buffer, halves.byteOffset, count);
      for (let i = 0; i < count; i++) bits[i] = (codes[i] as number) << 16;
      if (halves !== into) into.set(halves);
      break;
    }
    case "float16":
      lookUp(new Uint16Array(buffer, offset, count), tableOf(dtype), into);
      break;
    case "float8e4m3fn":
    case "float8e4m3fnuz":
    case "float8e5m2":
    case "float8e5m2fnuz":
    case "bool":
      lookUp(new Uint8Array(buffer, offset, count), tableOf(dtype), into);
      break;
    case "int64":
    case "uint64":
      widenLongs(new Uint32Array(buffer, offset, 2 * count), dtype === "int64", into);
      break;
    case "int32":
      into.set(new Int32Array(buffer, offset, count));
      break;
    case "uint32":
      into.set(new Uint32Array(buffer, offset, count));
      break;
    case "int16":
      into.set(new Int16Array(buffer, offset, count));
      break;
    case "uint16":
      into.set(new Uint16Array(buffer, offset, count));
      break;
    case "int8":
      into.set(new Int8Array(buffer, offset, count));
      break;
    case "uint8":
      into.set(new Uint8Array(buffer, offset, count));
      break;
  }
}
