import {
  bytes,
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
  text,
  value,
} from "../onnx-builder.ts";
import { bytesOfArray, safetensors } from "../safetensors-builder.ts";

/** Well-formed models that use, between them, everything the ONNX reader knows. */
export const ONNX_SEEDS: readonly Uint8Array[] = [
  linearModel(),
  model(
    [
      ...linearGraph,
      message(
        5,
        dims([3]),
        integer(2, 10),
        packed(5, (writer, x) => writer.int32(Number(x)), [15360, 0, 31744]),
        text(8, "half"),
      ),
      message(5, integer(1, 1), integer(2, FLOAT), (writer) => writer.tag(4, 5).float(2), text(8, "unpacked")),
      message(
        5,
        dims([2]),
        integer(2, 13),
        packed(11, (writer, x) => writer.uint64(x), [1, 2]),
        text(8, "unsigned"),
      ),
      message(5, bytes(9, floats(1, 2)), integer(2, FLOAT), dims([2]), text(8, "late")),
    ],
    message(25, text(1, "f"), message(7, text(4, "Relu")), message(9, text(1, ""), integer(2, 17)), text(10, "my")),
  ),
  model(
    [
      node("Identity", ["mean"], ["same mean"]),
      node("BatchNormalization", ["x", "scale", "shift", "same mean", "variance"], ["normal"]),
      node("Clip", ["normal", "low", ""], ["clipped"]),
      node(
        "Constant",
        [],
        ["size"],
        message(5, text(1, "value"), message(5, dims([1]), integer(2, INT64), bytes(9, int64s(4)))),
      ),
      node("ConstantOfShape", ["size"], ["filled"]),
      node(
        "RandomNormal",
        [],
        ["noise"],
        message(
          5,
          text(1, "shape"),
          packed(8, (writer, x) => writer.int64(x), [2, 3]),
        ),
      ),
      node("Twice", ["filled"], ["y"], text(7, "my")),
      node(
        "Loop",
        ["", "", "filled"],
        ["z"],
        message(
          5,
          text(1, "body"),
          message(
            6,
            node("Relu", ["a"], ["b"]),
            initializer("inner", FLOAT, [1], floats(2)),
            value(11, "a", FLOAT, []),
          ),
        ),
      ),
      ...["scale", "shift", "mean", "variance", "low"].map((name) => initializer(name, FLOAT, [2], floats(1, 2))),
      initializer("matrix", FLOAT, [3, 4], floats(1, -2, 3, -4, 0, 0, 7, 8, 9, -1e30, 1, 1)),
      initializer("narrow", 17, [4], Uint8Array.of(1, 2, 0x7f, 0xff)),
      value(11, "x", FLOAT, ["n", 2]),
      value(12, "y", FLOAT, ["n", null]),
    ],
    message(
      25,
      text(1, "Twice"),
      text(4, "a"),
      text(5, "b"),
      message(7, text(1, "a"), text(2, "b"), text(4, "Neg")),
      text(10, "my"),
    ),
  ),
];

/** Well-formed safetensors files. */
export const SAFETENSORS_SEEDS: readonly Uint8Array[] = [
  safetensors(
    [
      { name: "a", dtype: "F16", shape: [2, 2], data: bytesOfArray(Uint16Array.of(1, 2, 3, 4)) },
      { name: "b", dtype: "F64", shape: [1], data: bytesOfArray(Float64Array.of(0.5)) },
      { name: "c", dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) },
    ],
    { task: "classification" },
  ),
  safetensors(
    [
      { name: "fc.weight", dtype: "F32", shape: [3, 2], data: floats(1, -2, 0.5, 4, -0.25, 8) },
      { name: "bn.running_mean", dtype: "BF16", shape: [2], data: bytesOfArray(Uint16Array.of(0x3f80, 0x7fc0)) },
      { name: "none", dtype: "F32", shape: [0, 7], data: floats() },
      { name: "step", dtype: "I64", shape: [], data: int64s(7) },
      { name: "codes", dtype: "F8_E5M2", shape: [2, 2], data: Uint8Array.of(0x3c, 0x7c, 0x7f, 1) },
      { name: "mask", dtype: "BOOL", shape: [2], data: Uint8Array.of(0, 1) },
    ],
    undefined,
    1,
  ),
];
