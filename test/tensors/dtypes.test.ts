import { type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, test } from "vitest";
import type { Dtype } from "../../src/tensors/meter.ts";
import { readAsFloat32, readAsFloat64 } from "../../src/tensors/safetensors.ts";
import { CASES, type DtypeCase, expectStatistics } from "./dtype-cases.ts";
import { measure, refusalMessage } from "./measure.ts";
import { dims, initializer, integer, message, model, packed, tag, text } from "./onnx-builder.ts";
import { bytesOfArray, safetensors } from "./safetensors-builder.ts";

describe.each(CASES)("$dtype", (entry) => {
  const raw = bytesOfArray(entry.stored);
  const shape = [entry.values.length];
  const file = safetensors([{ name: "t", dtype: entry.safetensors, shape, data: raw }]);

  test("in safetensors", () => {
    expectStatistics(measure("safetensors", file).tensors[0], entry, "buffer");
  });

  test("in safetensors, one byte at a time", () => {
    expect(measure("safetensors", file, { chunk: 1 })).toEqual(measure("safetensors", file));
  });

  test("in raw_data", () => {
    const { tensors, parameters } = measure("onnx", model([initializer("t", entry.onnx, shape, raw)]));
    expectStatistics(tensors[0], entry, "constant");
    expect(parameters).toBe(entry.dtype.includes("float") ? entry.values.length : 0);
  });

  test("as values", () => {
    for (const pad of [0, 1, 3]) {
      const unaligned = new Uint8Array(raw.length + pad);
      unaligned.set(raw, pad);
      const view = { name: "t", dtype: entry.dtype, bytes: unaligned.subarray(pad) };
      expect([...readAsFloat64(view)]).toEqual([...entry.values]);
      expect([...readAsFloat32(view)]).toEqual(entry.values.map(Math.fround));
    }
  });
});

describe("elements in fields of their own type", () => {
  type Write = (writer: BinaryWriter, value: number | bigint) => unknown;
  const float: Write = (writer, value) => writer.float(Number(value));
  const double: Write = (writer, value) => writer.double(Number(value));
  const int32: Write = (writer, value) => writer.int32(Number(value));
  const int64: Write = (writer, value) => writer.int64(value);
  const uint64: Write = (writer, value) => writer.uint64(value);

  const find = (dtype: Dtype): DtypeCase => CASES.find((entry) => entry.dtype === dtype) as DtypeCase;
  const codes = (dtype: Dtype) => [...(find(dtype).stored as unknown as Iterable<number | bigint>)];

  test.each<{ dtype: Dtype; field: number; wire: WireType; write: Write }>([
    { dtype: "float32", field: 4, wire: WireType.Bit32, write: float },
    { dtype: "float64", field: 10, wire: WireType.Bit64, write: double },
    { dtype: "int32", field: 5, wire: WireType.Varint, write: int32 },
    { dtype: "int16", field: 5, wire: WireType.Varint, write: int32 },
    { dtype: "uint16", field: 5, wire: WireType.Varint, write: int32 },
    { dtype: "int8", field: 5, wire: WireType.Varint, write: int32 },
    { dtype: "uint8", field: 5, wire: WireType.Varint, write: int32 },
    { dtype: "bool", field: 5, wire: WireType.Varint, write: int32 },
    { dtype: "float16", field: 5, wire: WireType.Varint, write: int32 },
    { dtype: "bfloat16", field: 5, wire: WireType.Varint, write: int32 },
    { dtype: "float8e4m3fn", field: 5, wire: WireType.Varint, write: int32 },
    { dtype: "float8e4m3fnuz", field: 5, wire: WireType.Varint, write: int32 },
    { dtype: "float8e5m2", field: 5, wire: WireType.Varint, write: int32 },
    { dtype: "float8e5m2fnuz", field: 5, wire: WireType.Varint, write: int32 },
    { dtype: "int64", field: 7, wire: WireType.Varint, write: int64 },
    { dtype: "uint64", field: 11, wire: WireType.Varint, write: uint64 },
    { dtype: "uint32", field: 11, wire: WireType.Varint, write: uint64 },
  ])("$dtype in field $field, packed and unpacked", ({ dtype, field, wire, write }) => {
    const entry = find(dtype);
    const values = codes(dtype);
    const head = [dims([values.length]), integer(2, entry.onnx), text(8, "t")];
    const one = values.map((value) => (writer: BinaryWriter) => {
      tag(field, wire)(writer);
      write(writer, value);
    });
    const files = [
      model([message(5, ...head, packed(field, write, values))]),
      model([message(5, ...head, ...one)]),
      // Both at once, as the wire format allows, and with dims one by one and the name last.
      model([
        message(
          5,
          integer(1, values.length),
          integer(2, entry.onnx),
          packed(field, write, values.slice(0, 1)),
          ...one.slice(1),
          text(8, "t"),
        ),
      ]),
    ];
    for (const file of files) {
      const measured = measure("onnx", file);
      expectStatistics(measured.tensors[0], entry, "constant");
      expect(measure("onnx", file, { chunk: 1 })).toEqual(measured);
    }
  });
});

describe("every code", () => {
  const allCodes = (dtype: Dtype, bits: 8 | 16) => {
    const codes = bits === 8 ? new Uint8Array(256) : new Uint16Array(65_536);
    for (let code = 0; code < codes.length; code++) codes[code] = code;
    return readAsFloat64({ name: "t", dtype, bytes: bytesOfArray(codes) });
  };

  test("of float16 is that of float32 with its exponent moved", () => {
    const bits = new Uint32Array(1);
    const float = new Float32Array(bits.buffer);
    allCodes("float16", 16).forEach((value, code) => {
      const exponent = (code >> 10) & 31;
      const moved = exponent === 31 ? 255 : exponent + 112;
      bits[0] = ((code & 0x8000) << 16) | (moved << 23) | ((code & 1023) << 13);
      const subnormal = (code & 0x8000 ? -1 : 1) * (code & 1023) * 2 ** -24;
      expect(value).toBe(exponent === 0 ? subnormal : float[0]);
    });
  });

  test("of float8e5m2 is that of float16 with the lower byte zero", () => {
    const half = allCodes("float16", 16);
    allCodes("float8e5m2", 8).forEach((value, code) => {
      expect(value).toEqual(half[code << 8]);
    });
  });

  test("of the fnuz types is half of its sibling's, but for the codes that are special", () => {
    const sibling = allCodes("float8e4m3fn", 8);
    allCodes("float8e4m3fnuz", 8).forEach((value, code) => {
      if (code === 0x80) expect(value).toBeNaN();
      else if ((code & 0x7f) === 0x7f) expect(Math.abs(value)).toBe(240);
      else expect(value).toBe((sibling[code] as number) / 2);
    });
    const wide = allCodes("float8e5m2", 8);
    allCodes("float8e5m2fnuz", 8).forEach((value, code) => {
      if (code === 0x80) expect(value).toBeNaN();
      else if ((code & 0x7c) === 0x7c) expect(Math.abs(value)).toBe((1 + (code & 3) / 4) * 2 ** 15);
      else expect(value).toBe((wide[code] as number) / 2);
    });
  });
});

describe("types that are not measured are refused by name", () => {
  test.each([
    { onnx: 8, type: "string" },
    { onnx: 14, type: "complex64" },
    { onnx: 15, type: "complex128" },
    { onnx: 21, type: "uint4" },
    { onnx: 22, type: "int4" },
    { onnx: 23, type: "float4e2m1" },
    { onnx: 24, type: "float8e8m0" },
    { onnx: 25, type: "uint2" },
    { onnx: 26, type: "int2" },
    { onnx: 99, type: "type 99" },
  ])("ONNX: $type", ({ onnx, type }) => {
    const head = [dims([2]), integer(2, onnx)];
    const name = text(8, "w");
    const data = [packed(5, (writer, x) => writer.int32(Number(x)), [1, 2]), text(6, "a")];
    // Serializers write the type before the name, and data in fields of their own between the two.
    for (const fields of [
      [dims([2]), name, integer(2, onnx)],
      [...head, name],
      [...head, ...data, name],
    ]) {
      const sentence = refusalMessage(() => measure("onnx", model([message(5, ...fields)])));
      expect(sentence).toBe(
        `Initializer "w" is of type ${type}, which cannot be measured. Convert it to float32, float16 or bfloat16.`,
      );
    }
  });

  test.each(["C64", "F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "I4", "f32"])("safetensors: %s", (type) => {
    const file = safetensors([{ name: "w", dtype: type, shape: [1], data: new Uint8Array(8) }]);
    expect(refusalMessage(() => measure("safetensors", file))).toMatch(`Tensor "w" has the type "${type}"`);
  });
});
