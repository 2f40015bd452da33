import type { BinaryWriter } from "@bufbuild/protobuf/wire";
import * as ort from "onnxruntime-web";
import { describe, expect, test } from "vitest";
import {
  createMeter,
  DEFAULT_LIMITS,
  type MeterLimits,
  sniffFormat,
  type TensorFormatCode,
} from "../../src/tensors/meter.ts";
import { measure, refusal, refusalMessage } from "./measure.ts";
import {
  bytes,
  bytesOf,
  dims,
  FLOAT,
  floats,
  INT64,
  initializer,
  int64s,
  integer,
  linearGraph,
  linearModel,
  message,
  model,
  node,
  packed,
  tensor,
  text,
  value,
} from "./onnx-builder.ts";

type Write = Parameters<typeof bytesOf>[number];

const ascii = (words: string) => new TextEncoder().encode(words);
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const w = (...fields: Write[]) => model([message(5, dims([2]), text(8, "w"), ...fields)]);
const int32s = (...values: number[]) => packed(5, (writer, x) => writer.int32(Number(x)), values);
const fn = (name: string, calls: string[]) =>
  message(25, text(1, name), ...calls.map((call) => message(7, text(4, call), text(7, "my"))), text(10, "my"));
const call = (name: string) => node(name, [], [], text(7, "my"));
const chain = (length: number, times: number) =>
  Array.from({ length }, (_, i) => fn(`f${i}`, i + 1 < length ? Array(times).fill(`f${i + 1}`) : []));
const attribute = (...fields: Write[]) => node("Constant", [], ["c"], message(5, text(1, "value"), ...fields));
const groupTag = (writer: BinaryWriter) => writer.raw(Uint8Array.of(0x0b));
const long = "x".repeat(1025);

/** A node with a subgraph of the given fields. */
const loop = (...graph: Write[]) => node("Loop", [], ["y"], message(5, text(1, "body"), message(6, ...graph)));
const ints = (...values: number[]) => packed(8, (writer, x) => writer.int64(x), values);
const fill = node("ConstantOfShape", ["size"], ["huge"]);
const bomb = (...shape: number[]) => model([fill, initializer("size", INT64, [shape.length], int64s(...shape))]);
const constantShape = (tensor: Write) => node("Constant", [], ["size"], message(5, text(1, "value"), tensor));
const early = message(5, dims([1]), integer(2, 3), int32s(128), text(8, "w"));
/** What follows ir_version in a model. */
const rest = (opset: number) => [message(7, ...linearGraph), message(8, text(1, ""), integer(2, opset))];

interface Case {
  readonly name: string;
  readonly code: TensorFormatCode;
  readonly file: Uint8Array;
  readonly limits?: Partial<MeterLimits>;
}

const CASES: readonly Case[] = [
  { name: "an empty file", code: "not_onnx", file: new Uint8Array() },
  { name: "JSON", code: "not_onnx", file: ascii('{"weights": [1, 2, 3]}') },
  { name: "a web page", code: "not_onnx", file: ascii("<!DOCTYPE html><html></html>") },
  { name: "a torch.save file", code: "not_onnx", file: join(Uint8Array.of(0x50, 0x4b, 3, 4), new Uint8Array(40)) },
  { name: "a bare pickle", code: "not_onnx", file: join(Uint8Array.of(0x80, 2), ascii("ctorch._utils\n")) },
  { name: "a safetensors file", code: "not_onnx", file: join(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0), ascii("{}")) },
  { name: "zeros", code: "not_onnx", file: new Uint8Array(100) },
  { name: "text", code: "not_onnx", file: ascii("Behold, no model at all in here") },
  { name: "a model cut short", code: "truncated", file: linearModel().subarray(0, 60) },
  { name: "a version and nothing more", code: "incomplete_model", file: bytesOf(integer(1, 8)) },
  { name: "no opset_import", code: "incomplete_model", file: bytesOf(integer(1, 8), message(7, ...linearGraph)) },
  {
    name: "no ir_version",
    code: "incomplete_model",
    file: bytesOf(message(7, ...linearGraph), message(8, integer(2, 17))),
  },
  { name: "zeros after the model", code: "malformed_protobuf", file: join(linearModel(), new Uint8Array(4)) },
  { name: "fields of no model after the model", code: "trailing_bytes", file: model(linearGraph, text(99, "x")) },
  { name: "a number field of no model", code: "trailing_bytes", file: model(linearGraph, integer(99, 1)) },
  { name: "two graphs", code: "duplicate_field", file: model(linearGraph, message(7, ...linearGraph)) },
  { name: "a group", code: "malformed_protobuf", file: model([groupTag]) },
  {
    name: "a field longer than its message",
    code: "malformed_protobuf",
    file: model([(writer) => writer.raw(Uint8Array.of(0x2a, 0x7f, 0x00))]),
  },
  {
    name: "a number of more than 64 bits",
    code: "malformed_protobuf",
    file: w((writer) => writer.raw(Uint8Array.of(0x10, ...Array(9).fill(0xff), 0x02))),
  },
  {
    name: "an overlong tag",
    code: "malformed_protobuf",
    file: model([(writer) => writer.raw(Uint8Array.of(0x8a, 0x80, 0x80, 0x80, 0x80, 0x00))]),
  },
  {
    name: "packed numbers that end inside of one",
    code: "malformed_protobuf",
    file: w(integer(2, INT64), bytes(7, Uint8Array.of(1, 0x80))),
  },
  {
    name: "packed floats that end inside of one",
    code: "malformed_protobuf",
    file: w(integer(2, FLOAT), bytes(4, new Uint8Array(7))),
  },
  { name: "external data", code: "external_data", file: w(integer(2, FLOAT), message(13, text(1, "location"))) },
  { name: "data_location EXTERNAL", code: "external_data", file: w(integer(2, FLOAT), integer(14, 1)) },
  {
    name: "external data in an attribute",
    code: "external_data",
    file: model([attribute(message(5, integer(14, 1)))]),
  },
  {
    name: "external data in an attribute, by its location alone",
    code: "external_data",
    file: model([attribute(message(10, message(13, text(1, "location"))))]),
  },
  { name: "a sparse initializer", code: "sparse_tensor", file: model([message(15)]) },
  { name: "a sparse constant", code: "sparse_tensor", file: model([attribute(message(22))]) },
  { name: "a custom operator", code: "custom_operator", file: model([node("Gelu", [], [], text(7, "com.microsoft"))]) },
  { name: "a custom operator in a function", code: "custom_operator", file: model([], fn("f", ["missing"])) },
  {
    name: "subgraphs nested deeper than allowed",
    code: "control_flow",
    file: model([loop(loop(node("Relu", ["a"], ["b"])))]),
    limits: { controlFlowDepth: 1 },
  },
  {
    name: "sparse tensors in an allowed subgraph",
    code: "sparse_tensor",
    file: model([loop(message(15))]),
    limits: { controlFlowDepth: 1 },
  },
  {
    name: "nodes of allowed subgraphs beyond the limit",
    code: "too_many_nodes",
    file: model([loop(node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["c"]))]),
    limits: { controlFlowDepth: 1, nodes: 2 },
  },
  {
    name: "a name in the graph and in its subgraph",
    code: "duplicate_name",
    file: model([loop(initializer("w", FLOAT, [1], floats(1))), initializer("w", FLOAT, [1], floats(1))]),
    limits: { controlFlowDepth: 1 },
  },
  { name: "two gigabytes in 95 bytes", code: "shape_too_large", file: bomb(50_000, 10_000) },
  {
    name: "two gigabytes from a Constant node",
    code: "shape_too_large",
    file: model([constantShape(message(5, dims([2]), integer(2, INT64), bytes(9, int64s(50_000, 10_000)))), fill]),
  },
  {
    name: "two gigabytes from int64_data",
    code: "shape_too_large",
    file: model([
      constantShape(
        message(
          5,
          integer(2, INT64),
          packed(7, (writer, x) => writer.int64(x), [50_000, 10_000]),
        ),
      ),
      fill,
    ]),
  },
  {
    name: "two gigabytes from a list of integers",
    code: "shape_too_large",
    file: model([
      node("Constant", [], ["size"], message(5, text(1, "value_ints"), integer(8, 50_000), integer(8, 10_000))),
      fill,
    ]),
  },
  {
    name: "two gigabytes behind another name",
    code: "shape_too_large",
    file: model([
      node("Identity", ["stored"], ["same"]),
      node("Cast", ["same"], ["size"]),
      fill,
      initializer("stored", INT64, [2], int64s(50_000, 10_000)),
    ]),
  },
  {
    name: "two gigabytes by expansion",
    code: "shape_too_large",
    file: model([node("Expand", ["x", "size"], ["huge"]), initializer("size", INT64, [3], int64s(1, 50_000, 10_000))]),
  },
  {
    name: "two gigabytes of random numbers",
    code: "shape_too_large",
    file: model([node("RandomNormal", [], ["huge"], message(5, text(1, "shape"), ints(50_000, 10_000)))]),
  },
  {
    name: "too many names of nodes",
    code: "too_many_values",
    file: model([node("Sum", ["a", "b", "c"], ["d"])]),
    limits: { nodeNames: 3 },
  },
  { name: "a version of the future", code: "unsupported_version", file: bytesOf(integer(1, 14), ...rest(17)) },
  { name: "operators of the future", code: "unsupported_version", file: bytesOf(integer(1, 8), ...rest(27)) },
  { name: "If", code: "control_flow", file: model([node("If", [], [])]) },
  { name: "Loop in ai.onnx", code: "control_flow", file: model([node("Loop", [], [], text(7, "ai.onnx"))]) },
  { name: "Scan", code: "control_flow", file: model([node("Scan", [], [])]) },
  { name: "a subgraph in any attribute", code: "control_flow", file: model([attribute(message(6))]) },
  {
    name: "Loop in a local function",
    code: "control_flow",
    file: model([], message(25, text(1, "f"), message(7, text(4, "Loop")))),
  },
  { name: "a function that calls itself", code: "function_recursion", file: model([], fn("f", ["f"])) },
  { name: "functions in a circle", code: "function_recursion", file: model([], fn("f", ["g"]), fn("g", ["f"])) },
  { name: "functions too deep", code: "functions_too_deep", file: model([call("f0")], ...chain(18, 1)) },
  {
    name: "functions too deep, deepest first",
    code: "functions_too_deep",
    file: model([call("f17"), call("f0")], ...chain(18, 1).reverse()),
  },
  {
    name: "functions that expand to a billion nodes",
    code: "too_many_nodes",
    file: model([call("f0")], ...chain(10, 10)),
  },
  { name: "two functions of one name", code: "duplicate_name", file: model([], fn("f", []), fn("f", [])) },
  { name: "too many functions", code: "too_many_functions", file: model([], ...chain(3, 1)), limits: { functions: 2 } },
  {
    name: "too many nodes",
    code: "too_many_nodes",
    file: model(Array(11).fill(node("Relu", [], []))),
    limits: { nodes: 10 },
  },
  {
    name: "too many operators",
    code: "too_many_operators",
    file: model([node("A", [], []), node("B", [], [])]),
    limits: { operators: 1 },
  },
  { name: "too many initializers", code: "too_many_tensors", file: linearModel(), limits: { tensors: 1 } },
  {
    name: "too many outputs",
    code: "too_many_values",
    file: model([value(12, "a", 1, []), value(12, "b", 1, [])]),
    limits: { values: 1 },
  },
  {
    name: "too many inputs",
    code: "too_many_values",
    file: model([value(11, "a", 1, []), value(11, "b", 1, []), value(11, "c", 1, [])]),
    limits: { values: 1, tensors: 1 },
  },
  {
    name: "too many operator sets",
    code: "too_many_values",
    file: model([], message(8, text(1, "a"))),
    limits: { values: 1 },
  },
  {
    name: "one name twice",
    code: "duplicate_name",
    file: model([initializer("w", FLOAT, [1], floats(1)), initializer("w", FLOAT, [1], floats(2))]),
  },
  { name: "a name twice in one", code: "duplicate_field", file: w(text(8, "v")) },
  { name: "a type twice", code: "duplicate_field", file: w(integer(2, FLOAT), integer(2, INT64)) },
  {
    name: "raw data twice",
    code: "duplicate_field",
    file: w(integer(2, FLOAT), bytes(9, floats(1, 2)), bytes(9, floats(1, 2))),
  },
  {
    name: "elements in two fields",
    code: "unsupported_encoding",
    file: w(integer(2, FLOAT), bytes(9, floats(1, 2)), bytes(4, floats(1, 2))),
  },
  {
    name: "elements in a field of another type",
    code: "unsupported_encoding",
    file: w(integer(2, FLOAT), int32s(1, 2)),
  },
  { name: "segments", code: "unsupported_encoding", file: w(message(3, integer(1, 0), integer(2, 1))) },
  { name: "no name", code: "invalid_name", file: model([message(5, integer(2, FLOAT), bytes(9, floats(1)))]) },
  {
    name: "a name that is not UTF-8",
    code: "invalid_name",
    file: model([message(5, bytes(8, Uint8Array.of(0xff, 0xfe)))]),
  },
  { name: "a name with a NUL", code: "invalid_name", file: model([initializer("a\0b", FLOAT, [1], floats(1))]) },
  { name: "a long name", code: "name_too_long", file: model([initializer(long, FLOAT, [1], floats(1))]) },
  { name: "a long dimension", code: "name_too_long", file: model([value(11, "x", FLOAT, [long])]) },
  { name: "a long operator", code: "name_too_long", file: model([node(long, [], [])]) },
  {
    name: "many long names",
    code: "names_too_large",
    file: model(Array.from({ length: 99 }, (_, i) => initializer(`${i}${"x".repeat(900)}`, FLOAT, [0], floats()))),
    limits: { keptBytes: 100_000 },
  },
  { name: "strings", code: "unsupported_dtype", file: w(integer(2, 8), text(6, "a"), text(6, "b")) },
  { name: "complex numbers", code: "unsupported_dtype", file: w(integer(2, 14)) },
  { name: "4-bit integers", code: "unsupported_dtype", file: w(integer(2, 22)) },
  { name: "a type that does not exist", code: "unsupported_dtype", file: w(integer(2, 2n ** 32n + 1n)) },
  { name: "no type", code: "unsupported_dtype", file: w() },
  { name: "no type but data", code: "unsupported_dtype", file: w(bytes(9, floats(1, 2))) },
  { name: "typed data before the type", code: "field_order", file: w(int32s(1, 2), integer(2, 6)) },
  { name: "much raw data before the type", code: "field_order", file: w(bytes(9, new Uint8Array(65_537))) },
  { name: "dims beyond the data", code: "size_mismatch", file: model([initializer("w", FLOAT, [1e9], floats(1))]) },
  { name: "dims short of the data", code: "size_mismatch", file: model([initializer("w", FLOAT, [1], floats(1, 2))]) },
  { name: "dims and no data", code: "size_mismatch", file: w(integer(2, FLOAT)) },
  { name: "half an element", code: "size_mismatch", file: w(integer(2, FLOAT), bytes(9, new Uint8Array(7))) },
  { name: "huge dims", code: "shape_too_large", file: model([initializer("w", FLOAT, [2 ** 52, 2 ** 52], floats(1))]) },
  {
    name: "huge dims times zero",
    code: "shape_too_large",
    file: model([initializer("w", FLOAT, [2 ** 52, 0], floats())]),
  },
  { name: "a negative dim", code: "shape_too_large", file: model([initializer("w", FLOAT, [-1], floats(1))]) },
  { name: "two negative dims", code: "shape_too_large", file: model([initializer("w", FLOAT, [-1, -1], floats(1))]) },
  {
    name: "too many dims",
    code: "shape_too_large",
    file: model([initializer("w", FLOAT, Array(65).fill(1), floats(1))]),
  },
  {
    name: "an input of too many dims",
    code: "shape_too_large",
    file: model([value(11, "x", FLOAT, Array(65).fill(1))]),
  },
  { name: "an int8 of 128", code: "value_out_of_range", file: w(integer(2, 3), int32s(1, 128)) },
  { name: "a negative float16 code", code: "value_out_of_range", file: w(integer(2, 10), int32s(1, -1)) },
  { name: "a bool of 2", code: "value_out_of_range", file: w(integer(2, 9), int32s(1, 2)) },
  {
    name: "a uint32 of 2^32",
    code: "value_out_of_range",
    file: w(
      integer(2, 12),
      packed(11, (writer, x) => writer.uint64(x), [1n, 2n ** 32n]),
    ),
  },
  {
    name: "a large constant",
    code: "constant_too_large",
    file: model([attribute(message(5, ...tensor("c", FLOAT, [300], floats(...Array(300).fill(1)))))]),
    limits: { constantBytes: 1000 },
  },
  { name: "a file over the limit", code: "file_too_large", file: linearModel(), limits: { fileBytes: 100 } },
];

describe("refuses with its code, whole and byte by byte", () => {
  test.each(CASES)("$name: $code", ({ code, file, limits = {} }) => {
    expect(refusal(() => measure("onnx", file, { limits }))).toBe(code);
    expect(refusal(() => measure("onnx", file, { limits, chunk: 1 }))).toBe(code);
  });
});

describe("says what to do", () => {
  const message_ = (file: Uint8Array, limits: Partial<MeterLimits> = {}) =>
    refusalMessage(() => measure("onnx", file, { limits }));

  test.each([
    { about: "a bomb", file: bomb(50_000, 10_000), words: ['Node "ConstantOfShape_0"', "500000000", `${2 ** 28}`] },
    { about: "a custom operator", file: model([call("Gelu")]), words: ['Node "Gelu_0"', '"my::Gelu"'] },
    { about: "functions too deep", file: model([call("f0")], ...chain(18, 1)), words: ['Node "f0_0"', "limit is 16"] },
    { about: "recursion", file: model([], fn("f", ["f"])), words: ['Node 1 ("f")'] },
    { about: "control flow", file: model([loop()]), words: ['Node "Loop_0" ("Loop")', "torch.onnx.export"] },
    {
      about: "a sparse initializer",
      file: model([message(15, message(1, text(8, "pruned.weight")))]),
      words: ['"pruned.weight"', "Store it dense"],
    },
    { about: "a number before its name", file: model([...linearGraph, early]), words: ["Initializer 3 of the file"] },
    { about: "the opset", file: bytesOf(integer(1, 8), ...rest(27)), words: ["opset version 27", "up to 26"] },
  ])("about $about: the node or tensor and the limit", ({ file, words }) => {
    const sentence = message_(file);
    for (const word of words) expect(sentence).toContain(word);
  });

  test("about subgraphs within subgraphs, and names the node and the limit", () => {
    const sentence = message_(model([loop(loop(loop()))]), { controlFlowDepth: 2 });
    expect(sentence).toMatch(/Node "Loop_0" \("Loop"\) is a subgraph within 2 others, the limit is 2 deep/);
  });

  test("about torch.save", () => {
    expect(message_(ascii("PK\u0003\u0004..........."))).toMatch(/torch\.save.*torch\.onnx\.export/);
  });

  test("about external data, and names the tensor", () => {
    expect(message_(w(integer(2, FLOAT), integer(14, 1)))).toMatch(/"w".*external_data=False/);
  });

  test("about shapes, with the sizes", () => {
    const message = message_(model([initializer("fc.weight", FLOAT, [1e9, 3], floats(1))]));
    expect(message).toMatch(
      /"fc\.weight" of shape \[1000000000,3\] and type float32 takes 12000000000 bytes and has 4/,
    );
  });

  test("without repeating a hostile name at length", () => {
    const message = message_(model([initializer("\u202e\n".repeat(300), FLOAT, [1], floats(1))]));
    expect(message.length).toBeLessThan(400);
    expect(message).not.toMatch(/[\n\u202e]/);
  });
});

describe("what a policy allows", () => {
  const looped = model([
    loop(
      node("MatMul", ["x", "w"], ["y"]),
      node("Scan", ["y", "inner"], ["z"]),
      initializer("inner", FLOAT, [1], floats(3)),
      value(11, "turn", INT64, []),
    ),
    ...linearGraph,
  ]);

  test("control flow: its nodes count, its tensors are measured, its inputs are nobody's to feed", () => {
    const { graph, tensors } = measure("onnx", looped, { limits: { controlFlowDepth: 1 } });
    expect(graph?.operators).toEqual({ Loop: 1, MatMul: 2, Scan: 1, Add: 1, Relu: 1 });
    expect(graph?.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(tensors).toMatchObject([{ name: "inner", norm: 3, role: "weight" }, { name: "w" }, { name: "b" }]);
  });

  test("and is the same in any chunks", () => {
    const limits = { controlFlowDepth: 1 };
    expect(measure("onnx", looped, { limits, chunk: 1 })).toEqual(measure("onnx", looped, { limits }));
  });

  test("a large shape, as long as it is not too large", () => {
    expect(refusal(() => measure("onnx", bomb(2 ** 14, 2 ** 14)))).toBe("accepted");
    expect(refusal(() => measure("onnx", bomb(50_000, 10_000), { limits: { filledElements: 2 ** 30 } }))).toBe(
      "accepted",
    );
  });
});

describe("versions that are accepted are those the runtime loads", () => {
  const load = (file: Uint8Array) => ort.InferenceSession.create(file).then(() => "loaded");

  test("operator sets", async () => {
    const { opset } = DEFAULT_LIMITS;
    expect(refusal(() => measure("onnx", bytesOf(integer(1, 8), ...rest(opset))))).toBe("accepted");
    expect(await load(bytesOf(integer(1, 8), ...rest(opset)))).toBe("loaded");
    await expect(load(bytesOf(integer(1, 8), ...rest(opset + 1)))).rejects.toThrow(/opset/i);
  });

  test("file formats", async () => {
    const { irVersion } = DEFAULT_LIMITS;
    expect(refusal(() => measure("onnx", bytesOf(integer(1, irVersion), ...rest(17))))).toBe("accepted");
    expect(await load(bytesOf(integer(1, irVersion), ...rest(17)))).toBe("loaded");
    await expect(load(bytesOf(integer(1, irVersion + 1), ...rest(17)))).rejects.toThrow(/IR/i);
  });
});

describe("a model cut at any byte", () => {
  const file = model(
    [...linearGraph, attribute(message(5, ...tensor("c", FLOAT, [1], floats(1)))), call("f")],
    fn("f", []),
  );

  test("is refused, but where it is cut between two fields of its root it may be whole", () => {
    const accepted: number[] = [];
    for (let length = 0; length < file.length; length++) {
      for (const chunk of [length, 1]) {
        const code = refusal(() => measure("onnx", file.subarray(0, length), { chunk: Math.max(chunk, 1) }));
        if (code === "accepted") accepted.push(length);
        else expect(["not_onnx", "truncated", "incomplete_model", "custom_operator"]).toContain(code);
      }
    }
    expect(accepted).toEqual([]);
    expect(refusal(() => measure("onnx", file))).toBe("accepted");
  });
});

describe("a meter that has refused", () => {
  test("goes on refusing", () => {
    const meter = createMeter("onnx");
    expect(refusal(() => meter.write(ascii("{ no model }")))).toBe("not_onnx");
    expect(refusal(() => meter.write(linearModel()))).toBe("not_onnx");
    expect(refusal(() => meter.end())).toBe("not_onnx");
  });

  test("and one that has ended are not for another file", () => {
    const meter = createMeter("onnx");
    meter.write(linearModel());
    meter.end();
    expect(() => meter.end()).toThrow(/one meter for each file/);
  });
});

describe("sniffing", () => {
  test.each(CASES.filter(({ code }) => code === "not_onnx"))("$name is no ONNX", ({ file }) => {
    expect(sniffFormat(file.subarray(0, 16))).not.toBe("onnx");
  });
});
