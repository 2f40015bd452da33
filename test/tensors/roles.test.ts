import { describe, expect, test } from "vitest";
import { layerOf, type Role } from "../../src/tensors/meter.ts";
import { measure } from "./measure.ts";
import { FLOAT, floats, INT64, initializer, linearGraph, message, model, node, text } from "./onnx-builder.ts";
import { bytesOfArray, type Entry, safetensors } from "./safetensors-builder.ts";

const f32 = (name: string, ...values: number[]): Entry => ({
  name,
  dtype: "F32",
  shape: [values.length],
  data: floats(...values),
});
const roles = (tensors: readonly { name: string; role: Role }[]) =>
  Object.fromEntries(tensors.map(({ name, role }) => [name, role]));

describe("in safetensors, names tell buffers", () => {
  test.each<{ name: string; role: Role }>([
    { name: "features.1.running_mean", role: "buffer" },
    { name: "features.1.running_var", role: "buffer" },
    { name: "running_mean", role: "buffer" },
    { name: "batch_normalization/moving_variance:0", role: "buffer" },
    { name: "batch_stats/bn1/mean", role: "buffer" },
    { name: "model.rotary_emb.inv_freq", role: "buffer" },
    { name: "optimizer.fc.weight.exp_avg_sq", role: "buffer" },
    { name: "features.1.weight", role: "weight" },
    { name: "bn1/mean", role: "weight" },
    { name: "layer.running_mean.weight", role: "weight" },
    { name: "not_running_mean", role: "weight" },
    { name: "fc.weight_v", role: "weight" },
  ])("$name is a $role", ({ name, role }) => {
    const measured = measure("safetensors", safetensors([f32(name, 3, 4), f32("fc.weight", 12)]));
    expect(measured.tensors[0]).toMatchObject({ role, norm: 5 });
    expect(measured).toMatchObject(
      role === "weight" ? { weightNorm: 13, parameters: 3 } : { weightNorm: 12, parameters: 1 },
    );
  });

  test("and so does the type", () => {
    const count = { name: "num_batches_tracked", dtype: "I64", shape: [], data: bytesOfArray(BigInt64Array.of(7n)) };
    const mask = { name: "attn.mask", dtype: "BOOL", shape: [2], data: Uint8Array.of(0, 1) };
    const { tensors, weightNorm } = measure("safetensors", safetensors([count, mask]));
    expect(roles(tensors)).toEqual({ num_batches_tracked: "buffer", "attn.mask": "buffer" });
    expect(weightNorm).toBe(0);
  });
});

describe("values tell masks", () => {
  const lowest = -3.4028234663852886e38;
  test.each<{ what: string; values: number[]; role: Role }>([
    { what: "zeros and minus infinity", values: [0, -Infinity, -Infinity, 0], role: "constant" },
    { what: "zeros and the lowest float", values: [0, lowest, lowest, 0, lowest], role: "constant" },
    { what: "one large negative number", values: [-1e4], role: "constant" },
    { what: "zeros", values: [0, 0], role: "weight" },
    { what: "a diverged tensor with a zero", values: [0, -Infinity, NaN], role: "weight" },
    { what: "infinities of both signs", values: [0, -Infinity, Infinity], role: "weight" },
    { what: "minus infinity among weights", values: [0, -Infinity, 0.1], role: "weight" },
    { what: "large numbers that differ", values: [0, -1e5, -2e5], role: "weight" },
    { what: "large positive numbers", values: [0, 1e5, 1e5], role: "weight" },
    { what: "equal small numbers", values: [0, -0.1, -0.1], role: "weight" },
  ])("$what: $role", ({ values, role }) => {
    const file = safetensors([f32("t", ...values), f32("w", 1)]);
    const measured = measure("safetensors", file);
    expect(roles(measured.tensors)).toEqual({ t: role, w: "weight" });
    if (role === "constant") expect(measured).toMatchObject({ weightNorm: 1, nonFinite: 0 });
    const { tensors } = measure("onnx", model([initializer("t", FLOAT, [values.length], floats(...values))]));
    expect(roles(tensors)).toEqual({ t: role });
  });
});

describe("in ONNX, nodes tell what their inputs are for", () => {
  const one = (name: string) => initializer(name, FLOAT, [1], floats(1));
  const rolesOf = (...graph: Parameters<typeof model>[0]) => roles(measure("onnx", model(graph)).tensors);

  test("batch norm's scale and shift are weights, its statistics are buffers", () => {
    const batchNorm = node("BatchNormalization", ["x", "s", "t", "m", "v"], ["y"]);
    const want = { s: "weight", t: "weight", m: "buffer", v: "buffer" };
    expect(rolesOf(batchNorm, one("s"), one("t"), one("m"), one("v"))).toEqual(want);
    // Initializers may come before the nodes.
    expect(rolesOf(one("s"), one("t"), one("m"), one("v"), batchNorm)).toEqual(want);
  });

  test("bounds, ratios and scales are constants; shapes and indices are by their type", () => {
    const index = initializer("index", INT64, [1], bytesOfArray(BigInt64Array.of(0n)));
    const shape = initializer("shape", INT64, [2], bytesOfArray(BigInt64Array.of(-1n, 4n)));
    expect(
      rolesOf(
        node("Clip", ["x", "low", ""], ["c"]),
        node("Resize", ["c", "", "scales"], ["r"]),
        node("Reshape", ["r", "shape"], ["s"]),
        node("Gather", ["table", "index"], ["g"]),
        node("DequantizeLinear", ["codes", "scale"], ["w"]),
        ...["low", "scales", "table", "scale"].map(one),
        index,
        shape,
      ),
    ).toEqual({
      low: "constant",
      scales: "constant",
      table: "weight",
      scale: "buffer",
      index: "constant",
      shape: "constant",
    });
  });

  test("one use as an operand makes a weight, and so does no use at all", () => {
    expect(
      rolesOf(node("Clip", ["x", "both"], ["y"]), node("Mul", ["y", "both"], ["z"]), one("both"), one("unused")),
    ).toEqual({ both: "weight", unused: "weight" });
  });

  test("through the Identity and Cast that exporters put between layers that share a tensor", () => {
    expect(
      rolesOf(
        node("Identity", ["mean"], ["mean2"]),
        node("Cast", ["mean2"], ["mean3"]),
        node("BatchNormalization", ["x", "s", "t", "mean3", "v"], ["y"]),
        node("Identity", ["v"], ["v2"]),
        node("Add", ["y", "v2"], ["z"]),
        one("mean"),
        one("v"),
      ),
    ).toEqual({ mean: "buffer", v: "weight" });
  });

  test("what local functions do with their inputs is not known: they are operands", () => {
    const body = message(7, text(1, "m"), text(1, "m"), text(2, "y"), text(4, "Clip"));
    const file = model(
      [node("Twice", ["m"], ["y"], text(7, "my")), one("m"), ...linearGraph],
      message(25, text(1, "Twice"), body, text(10, "my")),
    );
    expect(roles(measure("onnx", file).tensors)).toMatchObject({ m: "weight" });
  });

  test("batch norm's statistics do not move the norm", () => {
    const file = (mean: number) =>
      model([
        node("BatchNormalization", ["x", "s", "t", "m", "v"], ["y"]),
        one("s"),
        one("t"),
        one("v"),
        initializer("m", FLOAT, [1], floats(mean)),
      ]);
    expect(measure("onnx", file(5)).weightNorm).toBe(Math.sqrt(2));
    expect(measure("onnx", file(NaN))).toMatchObject({ weightNorm: Math.sqrt(2), nonFinite: 0, parameters: 2 });
  });
});

describe("layers", () => {
  test.each([
    { name: "h.0.attn.c_proj.weight", layer: "h.0.attn.c_proj" },
    { name: "dense/kernel:0", layer: "dense" },
    { name: "/fc1/Transpose_output_0", layer: "fc1" },
    { name: "onnx::MatMul_12", layer: "onnx::MatMul_12" },
    { name: "fc.parametrizations.weight.original0", layer: "fc" },
    { name: "w", layer: "w" },
    { name: ".w", layer: ".w" },
    { name: "w.", layer: "w" },
    { name: "/", layer: "/" },
  ])("$name is of $layer", ({ name, layer }) => {
    expect(layerOf(name)).toBe(layer);
  });

  test("have the norm of their weights together, whatever lies between them", () => {
    const file = safetensors([
      f32("fc1.weight", 3),
      f32("fc2.weight", 8, NaN),
      f32("fc1.running_mean", 100),
      f32("fc1.bias", 4),
      f32("fc2.bias", 6, 0),
    ]);
    const measured = measure("safetensors", file);
    expect(measured.layers).toEqual([
      { name: "fc1", norm: 5, parameters: 2, nonFinite: 0 },
      { name: "fc2", norm: 10, parameters: 4, nonFinite: 1 },
    ]);
    expect(measured.weightNorm).toBe(Math.sqrt(125));
  });

  test("named like properties of objects are only names", () => {
    const file = safetensors([f32("__proto__.w", 1), f32("constructor.w", 2)]);
    expect(measure("safetensors", file).layers.map(({ name }) => name)).toEqual(["__proto__", "constructor"]);
  });
});
