import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS, type MeterLimits, sniffFormat, type TensorFormatCode } from "../../src/tensors/meter.ts";
import {
  parseSafetensorsHeader,
  readAsBigInt64,
  readAsFloat32,
  readAsInt32,
  readSafetensors,
  safetensorsHeaderBytes,
} from "../../src/tensors/safetensors.ts";
import { measure, refusal, refusalMessage } from "./measure.ts";
import { linearModel } from "./onnx-builder.ts";
import { bytesOfArray, safetensors, withHeader } from "./safetensors-builder.ts";

const SUITE = safetensors(
  [
    { name: "train/x", dtype: "F32", shape: [2, 2], data: bytesOfArray(Float32Array.of(1, 2, 3, 4)) },
    { name: "train/target", dtype: "I64", shape: [2], data: bytesOfArray(BigInt64Array.of(5n, -6n)) },
    { name: "train/flag", dtype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) },
  ],
  { task: "classification", output: "logits" },
);

describe("readSafetensors", () => {
  test("gives metadata and tensors with their places in the file, without a copy", () => {
    const { metadata, tensors } = readSafetensors(SUITE);
    expect(metadata).toEqual({ task: "classification", output: "logits" });
    expect([...tensors.keys()]).toEqual(["train/x", "train/target", "train/flag"]);
    for (const { bytes, offset } of tensors.values()) {
      expect(bytes.buffer).toBe(SUITE.buffer);
      expect(bytes.byteOffset).toBe(offset);
    }
    expect(tensors.get("train/x")).toMatchObject({ name: "train/x", dtype: "float32", shape: [2, 2] });
    const [x, target, flag] = [...tensors.values()];
    expect(x && readAsFloat32(x)).toEqual(Float32Array.of(1, 2, 3, 4));
    expect(target && readAsInt32(target)).toEqual(Int32Array.of(5, -6));
    expect(target && readAsBigInt64(target)).toEqual(BigInt64Array.of(5n, -6n));
    expect(flag && readAsBigInt64(flag)).toEqual(BigInt64Array.of(1n, 0n));
  });

  test("reads a file that lies inside of a larger buffer, at any alignment", () => {
    const inside = new Uint8Array(SUITE.length + 3).subarray(3);
    inside.set(SUITE);
    const x = readSafetensors(inside).tensors.get("train/x");
    expect(x && readAsFloat32(x)).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  test("takes the header alone, so that the rest can be fetched by range", () => {
    const length = safetensorsHeaderBytes(SUITE.subarray(0, 8));
    const header = parseSafetensorsHeader(SUITE.subarray(0, length));
    expect(header).toMatchObject({ dataOffset: length, fileBytes: SUITE.length, metadata: { task: "classification" } });
    expect(header.tensors.map(({ offset, byteLength }) => [offset - length, byteLength])).toEqual([
      [0, 16],
      [16, 16],
      [32, 2],
    ]);
    expect(parseSafetensorsHeader(SUITE.subarray(0, length + 5))).toEqual(header);
  });

  test("takes tensors in any order of the header, escapes, and keys that JavaScript holds dear", () => {
    const header =
      '{"b\\u00e9\\n":{"shape":[],"data_offsets":[1,2],"dtype":"U8"},"__metadata__":{"__proto__":"x","a":"\\""}, "__proto__" : {"dtype":"U8","shape":[1],"data_offsets":[0,1]}}  ';
    const clean = withHeader(header.replace("\\n", ""), Uint8Array.of(1, 2));
    const { tensors, metadata } = readSafetensors(clean);
    expect([...tensors].map(([name, { bytes }]) => [name, bytes[0]])).toEqual([
      ["__proto__", 1],
      ["bé", 2],
    ]);
    expect(Object.entries(metadata)).toEqual([
      ["__proto__", "x"],
      ["a", '"'],
    ]);
  });

  test("takes a file without tensors", () => {
    expect(readSafetensors(withHeader("{}"))).toEqual({ metadata: {}, tensors: new Map() });
    expect(measure("safetensors", withHeader("{}"))).toMatchObject({
      parameters: 0,
      weightNorm: 0,
      tensors: [],
      graph: null,
    });
  });
});

describe("values", () => {
  const view = (dtype: Parameters<typeof readAsInt32>[0]["dtype"], array: ArrayBufferView) => ({
    name: "target",
    dtype,
    bytes: bytesOfArray(array),
  });

  test.each([
    { name: "int64 beyond 32 bits", read: () => readAsInt32(view("int64", BigInt64Array.of(2n ** 31n))) },
    { name: "int64 beyond 53 bits", read: () => readAsInt32(view("int64", BigInt64Array.of(-(2n ** 62n) - 1n))) },
    { name: "uint32 beyond 31 bits", read: () => readAsInt32(view("uint32", Uint32Array.of(2 ** 31))) },
    { name: "uint64 beyond 63 bits", read: () => readAsBigInt64(view("uint64", BigUint64Array.of(2n ** 63n))) },
  ])("$name are refused", ({ read }) => {
    expect(refusal(read)).toBe("value_out_of_range");
  });

  test("float targets are refused as indices", () => {
    expect(refusal(() => readAsInt32(view("float32", Float32Array.of(1))))).toBe("unsupported_dtype");
    expect(refusal(() => readAsBigInt64(view("float16", Uint16Array.of(1))))).toBe("unsupported_dtype");
  });

  test("half an element is refused", () => {
    expect(refusal(() => readAsFloat32(view("float32", new Uint8Array(5))))).toBe("size_mismatch");
    expect(refusal(() => readAsBigInt64(view("int64", new Uint8Array(12))))).toBe("size_mismatch");
  });

  test("int64 keep all their bits", () => {
    const extremes = BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n);
    expect(readAsBigInt64(view("int64", extremes))).toEqual(extremes);
    expect(readAsBigInt64(view("uint32", Uint32Array.of(4294967295)))).toEqual(BigInt64Array.of(4294967295n));
  });
});

const entry = (more: string, name = "w") => `{"${name}":{"dtype":"F32","shape":[1],"data_offsets":[0,4]${more}}}`;
const pair = (a: [number, number], b: [number, number]) =>
  JSON.stringify({
    a: { dtype: "U8", shape: [a[1] - a[0]], data_offsets: a },
    b: { dtype: "U8", shape: [b[1] - b[0]], data_offsets: b },
  });
const four = new Uint8Array(4);
const prefix = (length: bigint, rest = "{") => {
  const file = new Uint8Array(8 + rest.length);
  new DataView(file.buffer).setBigUint64(0, length, true);
  file.set(new TextEncoder().encode(rest), 8);
  return file;
};

interface Case {
  readonly name: string;
  readonly code: TensorFormatCode;
  readonly file: Uint8Array;
  readonly limits?: Partial<MeterLimits>;
}

const CASES: readonly Case[] = [
  { name: "an empty file", code: "not_safetensors", file: new Uint8Array() },
  { name: "seven bytes", code: "truncated", file: new Uint8Array(7) },
  { name: "zeros", code: "not_safetensors", file: new Uint8Array(100) },
  { name: "JSON", code: "not_safetensors", file: new TextEncoder().encode('{"a": [1, 2, 3, 4]}') },
  { name: "a torch.save file", code: "not_safetensors", file: Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 8, 8, 0, 0) },
  { name: "an ONNX file", code: "not_safetensors", file: linearModel() },
  { name: "a length of 2^64 - 1", code: "not_safetensors", file: prefix(2n ** 64n - 1n) },
  { name: "a length beyond the specification's", code: "not_safetensors", file: prefix(100_000_001n) },
  { name: "a length beyond ours", code: "header_too_large", file: prefix(100_000_000n) },
  { name: "a header that does not come", code: "truncated", file: prefix(1000n) },
  { name: "no brace", code: "not_safetensors", file: prefix(2n, "[]") },
  {
    name: "a header that is not UTF-8",
    code: "malformed_header",
    file: withHeader("{}  ").map((b, i) => (i === 9 ? 0xff : b)),
  },
  { name: "a byte order mark", code: "not_safetensors", file: withHeader("\ufeff{}") },
  { name: "a header that stops", code: "malformed_header", file: withHeader('{"w":') },
  { name: "a string that stops", code: "malformed_header", file: withHeader('{"w') },
  { name: "a string that stops in an escape", code: "malformed_header", file: withHeader('{"w\\') },
  { name: "a broken escape", code: "malformed_header", file: withHeader('{"\\u12":{}}') },
  { name: "a raw newline in a string", code: "malformed_header", file: withHeader('{"a\nb":{}}') },
  { name: "two documents", code: "malformed_header", file: withHeader("{}{}") },
  { name: "a trailing comma", code: "malformed_header", file: withHeader('{"a":"b",}') },
  { name: "deep nesting", code: "malformed_header", file: withHeader(`{"a":${"[".repeat(100_000)}`) },
  { name: "a tensor that is a string", code: "malformed_header", file: withHeader('{"w":"F32"}') },
  { name: "a tensor with more keys", code: "malformed_header", file: withHeader(entry(',"extra":1'), four) },
  { name: "a key twice in a tensor", code: "duplicate_name", file: withHeader(entry(',"shape":[1]'), four) },
  { name: "a negative dim", code: "malformed_header", file: withHeader(entry("").replace("[1]", "[-1]"), four) },
  { name: "a fractional dim", code: "malformed_header", file: withHeader(entry("").replace("[1]", "[1.0]"), four) },
  {
    name: "a dim with an exponent",
    code: "malformed_header",
    file: withHeader(entry("").replace("[1]", "[1e0]"), four),
  },
  {
    name: "a dim with a leading zero",
    code: "malformed_header",
    file: withHeader(entry("").replace("[1]", "[01]"), four),
  },
  { name: "a dim of 2^53", code: "malformed_header", file: withHeader(entry("").replace("[1]", `[${2 ** 53}]`), four) },
  {
    name: "a dim that is a string",
    code: "malformed_header",
    file: withHeader(entry("").replace("[1]", '["1"]'), four),
  },
  { name: "three offsets", code: "malformed_header", file: withHeader(entry("").replace("[0,4]", "[0,2,4]"), four) },
  { name: "no dtype", code: "malformed_header", file: withHeader(entry("").replace("dtype", "type"), four) },
  { name: "no shape", code: "malformed_header", file: withHeader(entry("").replace("shape", "shap"), four) },
  { name: "metadata of numbers", code: "malformed_header", file: withHeader('{"__metadata__":{"step":1}}') },
  { name: "metadata that is a string", code: "malformed_header", file: withHeader('{"__metadata__":"step"}') },
  { name: "metadata twice", code: "duplicate_name", file: withHeader('{"__metadata__":{},"__metadata__":{}}') },
  {
    name: "a tensor twice",
    code: "duplicate_name",
    file: withHeader(pair([0, 4], [0, 4]).replace('"b"', '"a"'), four),
  },
  {
    name: "a tensor twice, once escaped",
    code: "duplicate_name",
    file: withHeader(pair([0, 2], [2, 4]).replace('"b"', '"\\u0061"'), four),
  },
  { name: "a complex dtype", code: "unsupported_dtype", file: withHeader(entry("").replace("F32", "C64"), four) },
  { name: "a made up dtype", code: "unsupported_dtype", file: withHeader(entry("").replace("F32", "toString"), four) },
  {
    name: "offsets short of the shape",
    code: "size_mismatch",
    file: withHeader(entry("").replace("[1]", "[2]"), four),
  },
  { name: "offsets beyond the shape", code: "size_mismatch", file: withHeader(entry("").replace("[1]", "[0]"), four) },
  { name: "offsets backwards", code: "size_mismatch", file: withHeader(entry("").replace("[0,4]", "[4,0]"), four) },
  {
    name: "a shape whose product overflows",
    code: "shape_too_large",
    file: withHeader(entry("").replace("[1]", "[4294967296,4294967296,4294967296]"), four),
  },
  {
    name: "a shape that hides behind a zero",
    code: "shape_too_large",
    file: withHeader(
      entry("")
        .replace("[1]", `[0,${2 ** 50}]`)
        .replace("[0,4]", "[0,0]"),
    ),
  },
  {
    name: "too many dims",
    code: "shape_too_large",
    file: withHeader(entry("").replace("[1]", `[${Array(65).fill(1)}]`), four),
  },
  { name: "a gap", code: "invalid_offsets", file: withHeader(pair([0, 1], [2, 4]), four) },
  { name: "a gap at the start", code: "invalid_offsets", file: withHeader(pair([1, 2], [2, 4]), four) },
  { name: "an overlap", code: "invalid_offsets", file: withHeader(pair([0, 3], [2, 4]), four) },
  { name: "one place for two", code: "invalid_offsets", file: withHeader(pair([0, 4], [0, 4]), four) },
  {
    name: "an empty tensor inside of another",
    code: "invalid_offsets",
    file: withHeader(pair([0, 4], [2, 2]), four),
  },
  { name: "data cut short", code: "truncated", file: withHeader(pair([0, 3], [3, 5]), four) },
  { name: "data cut to nothing", code: "truncated", file: withHeader(pair([0, 3], [3, 5])) },
  { name: "bytes after the last tensor", code: "trailing_bytes", file: withHeader(pair([0, 1], [1, 3]), four) },
  { name: "bytes after a header without tensors", code: "trailing_bytes", file: withHeader("{}", four) },
  { name: "a name with a control character", code: "invalid_name", file: withHeader(entry("", "a\\u0000"), four) },
  { name: "a name with half a character", code: "invalid_name", file: withHeader(entry("", "a\\ud800"), four) },
  { name: "a long name", code: "name_too_long", file: withHeader(entry("", "é".repeat(513)), four) },
  {
    name: "many long names",
    code: "names_too_large",
    file: withHeader(pair([0, 1], [1, 4]).replace('"b"', `"${"b".repeat(1000)}"`), four),
    limits: { keptBytes: 500 },
  },
  { name: "too many tensors", code: "too_many_tensors", file: SUITE, limits: { tensors: 2 } },
  {
    name: "too many values",
    code: "header_too_large",
    file: withHeader(`{"a":[${"0,".repeat(400_000)}0]}`),
  },
  { name: "a file over the limit", code: "file_too_large", file: SUITE, limits: { fileBytes: 100 } },
];

describe("refuses with its code", () => {
  test.each(CASES)("$name: $code", ({ code, file, limits = {} }) => {
    expect(refusal(() => measure("safetensors", file, { limits }))).toBe(code);
    if (file.length < 10_000) expect(refusal(() => measure("safetensors", file, { limits, chunk: 1 }))).toBe(code);
    if (limits.keptBytes === undefined) {
      expect(refusal(() => readSafetensors(file, { ...DEFAULT_LIMITS, ...limits }))).toBe(code);
    }
  });

  test("at any byte where a file is cut", () => {
    for (let length = 0; length < SUITE.length; length++) {
      const part = SUITE.subarray(0, length);
      const codes = [
        refusal(() => readSafetensors(part)),
        refusal(() => measure("safetensors", part)),
        refusal(() => measure("safetensors", part, { chunk: 1 })),
      ];
      expect(codes).toEqual(Array(3).fill(length === 0 ? "not_safetensors" : "truncated"));
    }
  });

  test("and a sentence that names the tensor, the numbers and the way out", () => {
    const sentence = refusalMessage(() =>
      readSafetensors(withHeader(entry("", "fc.weight").replace("[1]", "[9]"), four)),
    );
    expect(sentence).toBe(
      'Tensor "fc.weight" of shape [9] and type F32 takes 36 bytes, its offsets span 4. Save the file again.',
    );
  });

  test("a header of its greatest size in seconds", () => {
    const names = Array.from(
      { length: 16_000 },
      (_, i) => `"${`layer.${i}.`.padEnd(190, "x")}":{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`,
    );
    const file = withHeader(`{${names.join(",")}}`, new Uint8Array(16_000));
    expect(file.length).toBeGreaterThan(0.9 * DEFAULT_LIMITS.headerBytes);
    expect(refusal(() => measure("safetensors", file, { limits: { keptBytes: 2 ** 24 } }))).toBe("accepted");
  }, 5_000);
});

describe("sniffing", () => {
  test("knows safetensors, whatever its header's length looks like", () => {
    expect(sniffFormat(SUITE.subarray(0, 16))).toBe("safetensors");
    for (const length of [0x08, 0x50, 0x7b, 0x0280, 0x4b50]) {
      const file = withHeader(`{${" ".repeat(length - 2)}}`);
      expect(sniffFormat(file.subarray(0, 16))).toBe("safetensors");
      expect(refusal(() => measure("safetensors", file))).toBe("accepted");
    }
  });

  test.each(CASES.filter(({ code }) => code === "not_safetensors"))("$name is no safetensors", ({ file }) => {
    expect(sniffFormat(file.subarray(0, 16))).not.toBe("safetensors");
  });
});
