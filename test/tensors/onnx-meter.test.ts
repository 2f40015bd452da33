import { type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import * as ort from "onnxruntime-web";
import { describe, expect, test } from "vitest";
import { sniffFormat } from "../../src/tensors/meter.ts";
import { measure } from "./measure.ts";
import {
  bytes,
  bytesOf,
  dims,
  FLOAT,
  floats,
  INT64,
  initializer,
  integer,
  LINEAR_BIAS,
  LINEAR_WEIGHT,
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
import { bytesOfArray } from "./safetensors-builder.ts";

const norm = (values: number[]) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
const whole = { zeros: 0, nans: 0, infinities: 0, role: "weight" };

describe("a linear layer", () => {
  test("is measured to its last statistic", () => {
    const w = { name: "w", dtype: "float32", shape: [3, 2], norm: norm(LINEAR_WEIGHT), mean: 11.25 / 6, max: 8 };
    const b = { name: "b", dtype: "float32", shape: [2], norm: norm(LINEAR_BIAS), mean: -0.25, max: 1 };
    expect(measure("onnx", linearModel())).toEqual({
      format: "onnx",
      weightNorm: norm([...LINEAR_WEIGHT, ...LINEAR_BIAS]),
      parameters: 8,
      nonFinite: 0,
      tensors: [
        { ...w, ...whole },
        { ...b, ...whole },
      ],
      layers: [
        { name: "w", norm: norm(LINEAR_WEIGHT), parameters: 6, nonFinite: 0 },
        { name: "b", norm: norm(LINEAR_BIAS), parameters: 2, nonFinite: 0 },
      ],
      graph: {
        inputs: [{ name: "x", dtype: "float32", shape: ["batch", 3], ranked: true }],
        outputs: [{ name: "y", dtype: "float32", shape: ["batch", 2], ranked: true }],
        nodes: 3,
        opset: { "": 17 },
        irVersion: 8,
        operators: { MatMul: 1, Add: 1, Relu: 1 },
      },
    });
  });

  test("is a model that ONNX Runtime loads and runs, with the inputs and outputs the meter reported", async () => {
    const file = linearModel();
    const { graph } = measure("onnx", file);
    const session = await ort.InferenceSession.create(file);
    expect(graph?.inputs.map(({ name }) => name)).toEqual([...session.inputNames]);
    expect(graph?.outputs.map(({ name }) => name)).toEqual([...session.outputNames]);
    const { y } = await session.run({ x: new ort.Tensor("float32", [1, 2, 4], [1, 3]) });
    expect(y?.data).toEqual(Float32Array.of(1.5, 37));
  });

  test("is recognized by its first bytes", () => {
    expect(sniffFormat(linearModel().subarray(0, 16))).toBe("onnx");
  });

  test("has the same norm with its fields in any order", () => {
    const shuffled = bytesOf(
      message(8, integer(2, 17), text(1, "")),
      message(7, ...[...linearGraph].reverse()),
      text(2, "test"),
      integer(1, 8),
    );
    expect(measure("onnx", shuffled)).toMatchObject({ weightNorm: measure("onnx", linearModel()).weightNorm });
  });
});

describe("initializers", () => {
  test("may say their type, shape and name after a little raw data", () => {
    const late = message(5, bytes(9, floats(3, 4)), text(8, "w"), integer(2, FLOAT), dims([2]));
    expect(measure("onnx", model([late])).tensors).toMatchObject([{ name: "w", norm: 5 }]);
  });

  test("of integers are constants: measured, but neither weights nor parameters", () => {
    const shape = bytesOfArray(BigInt64Array.of(-1n, 64n));
    const measured = measure("onnx", model([initializer("shape", INT64, [2], shape), ...linearGraph]));
    expect(measured.tensors[0]).toMatchObject({ name: "shape", max: 64, role: "constant" });
    expect(measured).toMatchObject({ parameters: 8, weightNorm: measure("onnx", linearModel()).weightNorm });
  });

  test("may be scalars or empty", () => {
    const measured = measure(
      "onnx",
      model([
        initializer("scalar", FLOAT, [], floats(-2)),
        initializer("empty", FLOAT, [0, 7], floats()),
        message(5, dims([0]), integer(2, FLOAT), text(8, "no data field")),
      ]),
    );
    expect(measured).toMatchObject({ weightNorm: 2, parameters: 1, tensors: [{ mean: -2 }, { mean: 0 }, { norm: 0 }] });
  });

  test("with NaN and infinities are measured without them, and say so", () => {
    const measured = measure("onnx", model([initializer("w", FLOAT, [5], floats(3, NaN, -Infinity, 4, Infinity))]));
    expect(measured).toMatchObject({ weightNorm: 5, parameters: 5, nonFinite: 3 });
    expect(measured.tensors).toMatchObject([{ norm: 5, mean: 3.5, max: 4, nans: 1, infinities: 2 }]);
  });
});

describe("what ONNX Runtime runs is what was measured", () => {
  const [first, ...others] = LINEAR_WEIGHT as [number, ...number[]];
  const raw = bytes(9, floats(...LINEAR_WEIGHT));
  const name = text(8, "w");
  const type = integer(2, FLOAT);
  const one = (x: number) => (writer: BinaryWriter) => writer.tag(4, WireType.Bit32).float(x);
  const many = (values: number[]) => packed(4, (writer, x) => writer.float(Number(x)), values);

  test.each([
    { encoding: "raw data", fields: [dims([3, 2]), type, name, raw] },
    { encoding: "packed floats", fields: [dims([3, 2]), type, many(LINEAR_WEIGHT), name] },
    { encoding: "single floats", fields: [dims([3, 2]), type, ...LINEAR_WEIGHT.map(one), name] },
    { encoding: "both in turn", fields: [dims([3, 2]), type, one(first), many(others), name] },
    { encoding: "packed floats in two fields", fields: [dims([3, 2]), type, many([first]), many(others), name] },
    { encoding: "single dims around the data", fields: [integer(1, 3), type, raw, name, integer(1, 2)] },
    { encoding: "everything backwards", fields: [raw, name, type, dims([3, 2])] },
    { encoding: "unknown fields in between", fields: [dims([3, 2]), text(90, "?"), type, integer(91, 1), raw, name] },
  ])("with $encoding", async ({ fields }) => {
    const file = model([node("Identity", ["w"], ["y"]), message(5, ...fields), value(12, "y", FLOAT, [3, 2])]);
    const session = await ort.InferenceSession.create(file);
    const { y } = await session.run({});
    expect(y).toMatchObject({ dims: [3, 2], data: Float32Array.from(LINEAR_WEIGHT) });
    expect(measure("onnx", file).tensors).toMatchObject([{ shape: [3, 2], norm: norm(LINEAR_WEIGHT) }]);
  });
});

describe("the graph", () => {
  test("lists only inputs that are not initializers", () => {
    const { graph } = measure("onnx", model([...linearGraph, value(11, "w", FLOAT, [3, 2])]));
    expect(graph?.inputs.map(({ name }) => name)).toEqual(["x"]);
  });

  test("tells symbolic, unknown and missing shapes apart", () => {
    const unranked = message(11, text(1, "any"), message(2, message(1, integer(1, 10))));
    const sequence = message(11, text(1, "list"), message(2, message(4, message(1, message(1, integer(1, 1))))));
    const { graph } = measure(
      "onnx",
      model([
        value(11, "x", FLOAT, ["n", 3, null, -1]),
        value(11, "scalar", INT64, []),
        unranked,
        sequence,
        value(11, "words", 8, [1]),
      ]),
    );
    expect(graph?.inputs).toEqual([
      { name: "x", dtype: "float32", shape: ["n", 3, null, null], ranked: true },
      { name: "scalar", dtype: "int64", shape: [], ranked: true },
      { name: "any", dtype: "float16", shape: [], ranked: false },
      { name: "list", dtype: "sequence", shape: [], ranked: false },
      { name: "words", dtype: "string", shape: [1], ranked: true },
    ]);
  });

  test("takes constants in attributes without measuring them", () => {
    const attribute = message(
      5,
      text(1, "value"),
      message(5, ...tensor("c", FLOAT, [2], floats(30, 40))),
      integer(20, 4),
    );
    const measured = measure("onnx", model([node("Constant", [], ["c"], attribute), ...linearGraph]));
    expect(measured).toMatchObject({ parameters: 8, graph: { nodes: 4, operators: { Constant: 1 } } });
  });

  test("takes local functions in domains of their own", () => {
    const call = node("Twice", ["y"], ["z"], text(7, "my.functions"));
    const twice = message(
      25,
      text(1, "Twice"),
      text(4, "a"),
      text(5, "b"),
      message(7, text(1, "a"), text(1, "a"), text(2, "b"), text(4, "Add")),
      message(9, text(1, ""), integer(2, 17)),
      text(10, "my.functions"),
    );
    const { graph } = measure("onnx", model([...linearGraph, call], twice));
    expect(graph?.operators).toEqual({ MatMul: 1, Add: 1, Relu: 1, "my.functions::Twice": 1 });
  });

  test("keeps hostile names as mere keys", () => {
    const { graph } = measure(
      "onnx",
      model([node("__proto__", [], ["y"])], message(8, text(1, "__proto__"), integer(2, 1))),
    );
    expect(Object.entries(graph?.operators ?? {})).toEqual([["__proto__", 1]]);
    expect(Object.keys(graph?.opset ?? {})).toEqual(["", "__proto__"]);
  });
});
