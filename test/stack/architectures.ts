import { type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { createRandom } from "../../trainer/src/random.ts";
import {
  dims,
  FLOAT,
  floats,
  INT64,
  integer,
  message,
  model,
  node as namedNode,
  packed,
  text,
  value,
} from "../tensors/onnx-builder.ts";

// Ten architectures as ONNX, each with its forward pass written out in double precision, row by row: a reference that
// shares nothing with ONNX Runtime but the weights.

const FLOAT16 = 10;
const random = createRandom(11, "architectures");
/** Of deviation .5, at float32's precision, so that both sides have the same weights. */
const weights = (length: number): number[] => Array.from({ length }, () => Math.fround(0.5 * random.normal()));

export interface Architecture {
  name: string;
  onnx: Uint8Array;
  /** Of one row, by input. */
  inputs: Record<string, { dtype: "F32" | "F16" | "I64"; shape: number[]; below?: number }>;
  outputs: number;
  forward: (row: Record<string, number[]>) => number[];
}

/** Named by its output, as two nodes may not share a name. */
const node = (operator: string, inputs: string[], outputs: string[], ...more: Write[]) =>
  namedNode(operator, inputs, outputs, ...more, text(3, `make_${outputs[0]}`));
type Write = Parameters<typeof model>[0][number];
const attribute = (name: string, type: number, ...fields: Write[]) =>
  message(5, text(1, name), integer(20, type), ...fields);
const int = (name: string, to: number) => attribute(name, 2, integer(3, to));
const ints = (name: string, ...to: number[]) =>
  attribute(
    name,
    7,
    packed(8, (writer: BinaryWriter, n) => writer.int64(n), to),
  );
const float = (name: string, to: number) =>
  attribute(name, 1, (writer: BinaryWriter) => writer.tag(2, WireType.Bit32).float(to));

const init = (name: string, shape: number[], values: number[]) =>
  message(5, dims(shape), integer(2, FLOAT), text(8, name), (w: BinaryWriter) =>
    w.tag(9, WireType.LengthDelimited).bytes(floats(...values)),
  );
const whole = (name: string, ...values: number[]) =>
  message(5, dims([values.length]), integer(2, INT64), text(8, name), (w: BinaryWriter) =>
    w.tag(9, WireType.LengthDelimited).bytes(new Uint8Array(BigInt64Array.from(values, BigInt).buffer)),
  );
const x = (...shape: number[]) => value(11, "x", FLOAT, ["n", ...shape]);
const y = (width: number) => value(12, "y", FLOAT, ["n", width]);
const graph = (...parts: Write[]) => model([text(2, "architecture"), ...parts]);

/** v [k] times w [k, m] plus b. */
function affine(v: readonly number[], w: readonly number[], b: readonly number[]): number[] {
  return b.map((bias, m) => v.reduce((sum, input, k) => sum + input * (w[k * b.length + m] ?? 0), bias));
}
const none = (width: number): number[] => new Array<number>(width).fill(0);
const relu = (v: number[]) => v.map((input) => Math.max(0, input));
const sigmoid = (input: number) => 1 / (1 + Math.exp(-input));
const softmax = (v: number[]) => {
  const exps = v.map((input) => Math.exp(input - Math.max(...v)));
  return exps.map((exp) => exp / exps.reduce((a, b) => a + b, 0));
};
const rowsOf = (flat: readonly number[], width: number) =>
  Array.from({ length: flat.length / width }, (_, n) => flat.slice(n * width, (n + 1) * width));
const row = ({ x: given = [] }: Record<string, number[]>) => given;

function mlp(): Architecture {
  const [w1, b1, w2, b2] = [weights(8 * 16), weights(16), weights(16 * 5), weights(5)];
  return {
    name: "a multilayer perceptron",
    onnx: graph(
      ...[node("Gemm", ["x", "w1", "b1"], ["h"]), node("Relu", ["h"], ["r"]), node("Gemm", ["r", "w2", "b2"], ["y"])],
      ...[init("w1", [8, 16], w1), init("b1", [16], b1), init("w2", [16, 5], w2), init("b2", [5], b2), x(8), y(5)],
    ),
    inputs: { x: { dtype: "F32", shape: [8] } },
    outputs: 5,
    forward: (given) => affine(relu(affine(row(given), w1, b1)), w2, b2),
  };
}

function convolution(): Architecture {
  const [kernel, bias, w, b] = [weights(3 * 2 * 9), weights(3), weights(3 * 4), weights(4)];
  return {
    name: "a convolution with padding and a mean over the image",
    onnx: graph(
      node("Conv", ["x", "k", "kb"], ["c"], ints("pads", 1, 1, 1, 1), ints("kernel_shape", 3, 3)),
      ...[node("Relu", ["c"], ["r"]), node("GlobalAveragePool", ["r"], ["p"]), node("Flatten", ["p"], ["f"])],
      ...[node("Gemm", ["f", "w", "b"], ["y"]), init("k", [3, 2, 3, 3], kernel), init("kb", [3], bias)],
      ...[init("w", [3, 4], w), init("b", [4], b), x(2, 6, 6), y(4)],
    ),
    inputs: { x: { dtype: "F32", shape: [2, 6, 6] } },
    outputs: 4,
    forward(given) {
      const pixel = (c: number, i: number, j: number) =>
        i < 0 || j < 0 || i > 5 || j > 5 ? 0 : (row(given)[c * 36 + i * 6 + j] ?? 0);
      const means = bias.map((own, out) => {
        let sum = 0;
        for (let i = 0; i < 6; i++)
          for (let j = 0; j < 6; j++) {
            let at = own;
            for (let c = 0; c < 2; c++)
              for (let d = 0; d < 9; d++)
                at += (kernel[out * 18 + c * 9 + d] ?? 0) * pixel(c, i + Math.floor(d / 3) - 1, j + (d % 3) - 1);
            sum += Math.max(0, at);
          }
        return sum / 36;
      });
      return affine(means, w, b);
    },
  };
}

function layerNorm(): Architecture {
  const [scale, shift, w, b] = [weights(12), weights(12), weights(12 * 3), weights(3)];
  return {
    name: "a layer norm",
    onnx: graph(
      node("LayerNormalization", ["x", "scale", "shift"], ["h"], int("axis", -1), float("epsilon", 1e-5)),
      ...[node("Gemm", ["h", "w", "b"], ["y"]), init("scale", [12], scale), init("shift", [12], shift)],
      ...[init("w", [12, 3], w), init("b", [3], b), x(12), y(3)],
    ),
    inputs: { x: { dtype: "F32", shape: [12] } },
    outputs: 3,
    forward(given) {
      const mean = row(given).reduce((a, c) => a + c, 0) / 12;
      const variance = row(given).reduce((sum, v) => sum + (v - mean) ** 2, 0) / 12;
      const normed = row(given).map(
        (v, n) => ((v - mean) / Math.sqrt(variance + 1e-5)) * (scale[n] ?? 0) + (shift[n] ?? 0),
      );
      return affine(normed, w, b);
    },
  };
}

function attention(): Architecture {
  const [q, k, v, out] = [weights(36), weights(36), weights(36), weights(6 * 4)];
  return {
    name: "self-attention over five tokens",
    onnx: graph(
      ...[node("MatMul", ["x", "wq"], ["q"]), node("MatMul", ["x", "wk"], ["k"]), node("MatMul", ["x", "wv"], ["v"])],
      ...[node("Transpose", ["k"], ["kt"], ints("perm", 0, 2, 1)), node("MatMul", ["q", "kt"], ["s"])],
      ...[node("Softmax", ["s"], ["a"], int("axis", -1)), node("MatMul", ["a", "v"], ["o"])],
      ...[node("ReduceMean", ["o"], ["m"], ints("axes", 1), int("keepdims", 0)), node("MatMul", ["m", "wo"], ["y"])],
      ...[init("wq", [6, 6], q), init("wk", [6, 6], k), init("wv", [6, 6], v), init("wo", [6, 4], out), x(5, 6), y(4)],
    ),
    inputs: { x: { dtype: "F32", shape: [5, 6] } },
    outputs: 4,
    forward(given) {
      const tokens = rowsOf(row(given), 6);
      const [queries, keys, values] = [q, k, v].map((w) => tokens.map((token) => affine(token, w, none(6))));
      const mixed = (queries ?? []).map((query) => {
        const shares = softmax((keys ?? []).map((key) => affine(query, key, [0])[0] ?? 0));
        return none(6).map((_, m) => shares.reduce((sum, share, n) => sum + share * (values?.[n]?.[m] ?? 0), 0));
      });
      const mean = none(6).map((_, m) => mixed.reduce((sum, token) => sum + (token[m] ?? 0), 0) / 5);
      return affine(mean, out, none(4));
    },
  };
}

function embedding(): Architecture {
  const [table, w, b] = [weights(20 * 8), weights(8 * 3), weights(3)];
  return {
    name: "an embedding, averaged",
    onnx: graph(
      ...[node("Gather", ["table", "x"], ["e"]), node("ReduceMean", ["e"], ["m"], ints("axes", 1), int("keepdims", 0))],
      ...[node("Gemm", ["m", "w", "b"], ["y"]), init("table", [20, 8], table), init("w", [8, 3], w), init("b", [3], b)],
      ...[value(11, "x", INT64, ["n", 4]), y(3)],
    ),
    inputs: { x: { dtype: "I64", shape: [4], below: 20 } },
    outputs: 3,
    forward(given) {
      const mean = none(8).map((_, m) => row(given).reduce((sum, id) => sum + (table[id * 8 + m] ?? 0), 0) / 4);
      return affine(mean, w, b);
    },
  };
}

function gather(): Architecture {
  const [w, b] = [weights(3 * 4), weights(4)];
  return {
    name: "the last token, gathered, and one picked by index",
    onnx: graph(
      ...[whole("last", 4), node("Gather", ["x", "last"], ["g"], int("axis", 1)), node("Flatten", ["g"], ["f"])],
      ...[node("Gemm", ["f", "w", "b"], ["h"]), node("GatherElements", ["h", "i"], ["p"], int("axis", 1))],
      ...[node("Add", ["h", "p"], ["y"]), init("w", [3, 4], w), init("b", [4], b)],
      ...[x(5, 3), value(11, "i", INT64, ["n", 1]), y(4)],
    ),
    inputs: { x: { dtype: "F32", shape: [5, 3] }, i: { dtype: "I64", shape: [1], below: 4 } },
    outputs: 4,
    forward(given) {
      const hidden = affine(row(given).slice(12), w, b);
      return hidden.map((v) => v + (hidden[given["i"]?.[0] ?? 0] ?? 0));
    },
  };
}

function recurrent(): Architecture {
  const [hidden, inputs] = [4, 3];
  const [w, r, b] = [weights(4 * hidden * inputs), weights(4 * hidden * hidden), weights(8 * hidden)];
  return {
    name: "an LSTM over six steps",
    onnx: graph(
      ...[node("Transpose", ["x"], ["t"], ints("perm", 1, 0, 2))],
      ...[node("LSTM", ["t", "w", "r", "b"], ["all", "h"], int("hidden_size", hidden)), whole("axis", 0)],
      ...[node("Squeeze", ["h", "axis"], ["y"]), init("w", [1, 16, 3], w), init("r", [1, 16, 4], r)],
      ...[init("b", [1, 32], b), x(6, inputs), y(hidden)],
    ),
    inputs: { x: { dtype: "F32", shape: [6, inputs] } },
    outputs: hidden,
    forward(given) {
      let [h, c] = [none(hidden), none(hidden)];
      for (const step of rowsOf(row(given), inputs)) {
        // Gates in ONNX's order: input, output, forget, cell.
        const gates = none(4 * hidden).map((_, g) => {
          const fromInput = step.reduce((sum, v, n) => sum + v * (w[g * inputs + n] ?? 0), 0);
          const fromState = h.reduce((sum, v, n) => sum + v * (r[g * hidden + n] ?? 0), 0);
          return fromInput + fromState + (b[g] ?? 0) + (b[4 * hidden + g] ?? 0);
        });
        const gate = (n: number, unit: number) => gates[n * hidden + unit] ?? 0;
        c = c.map((cell, n) => sigmoid(gate(2, n)) * cell + sigmoid(gate(0, n)) * Math.tanh(gate(3, n)));
        h = c.map((cell, n) => sigmoid(gate(1, n)) * Math.tanh(cell));
      }
      return h;
    },
  };
}

/** Small powers of two, so that half precision loses nothing: what differs would be a wrong answer. */
function half(): Architecture {
  const powers = (length: number) =>
    Array.from({ length }, () => (random.uniform() < 0.5 ? -1 : 1) * 2 ** -Math.floor(3 * random.uniform()));
  const [w, b] = [powers(4 * 3), powers(3)];
  const codes = (values: number[]) => new Uint8Array(Uint16Array.from(values, toHalf).buffer);
  const init16 = (name: string, shape: number[], values: number[]) =>
    message(5, dims(shape), integer(2, FLOAT16), text(8, name), (writer: BinaryWriter) =>
      writer.tag(9, WireType.LengthDelimited).bytes(codes(values)),
    );
  return {
    name: "half precision, from its input to its output",
    onnx: graph(
      ...[node("MatMul", ["x", "w"], ["h"]), node("Add", ["h", "b"], ["a"]), node("Relu", ["a"], ["y"])],
      ...[
        init16("w", [4, 3], w),
        init16("b", [3], b),
        value(11, "x", FLOAT16, ["n", 4]),
        value(12, "y", FLOAT16, ["n", 3]),
      ],
    ),
    inputs: { x: { dtype: "F16", shape: [4] } },
    outputs: 3,
    forward: (given) => relu(affine(row(given), w, b)),
  };
}

/** Of 0 and of powers of two from 2^-14 on, and sums of few of them. */
export function toHalf(given: number): number {
  if (given === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(given)));
  return (given < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | ((Math.abs(given) / 2 ** exponent - 1) * 1024);
}

function gated(): Architecture {
  const [w, g] = [weights(6 * 6), weights(6 * 6)];
  return {
    name: "a gated residual block",
    onnx: graph(
      ...[node("MatMul", ["x", "w"], ["a"]), node("MatMul", ["x", "g"], ["b"]), node("Sigmoid", ["b"], ["s"])],
      ...[node("Tanh", ["a"], ["t"]), node("Mul", ["t", "s"], ["m"]), node("Add", ["m", "x"], ["y"])],
      ...[init("w", [6, 6], w), init("g", [6, 6], g), x(6), y(6)],
    ),
    inputs: { x: { dtype: "F32", shape: [6] } },
    outputs: 6,
    forward(given) {
      const [a, b] = [affine(row(given), w, none(6)), affine(row(given), g, none(6))];
      return row(given).map((v, n) => v + Math.tanh(a[n] ?? 0) * sigmoid(b[n] ?? 0));
    },
  };
}

function twoInputs(): Architecture {
  const [ta, tb, w] = [weights(9 * 7), weights(9 * 7), weights(7 * 4)];
  return {
    name: "two embeddings, squared, with a second output",
    onnx: graph(
      ...[node("Gather", ["ta", "a"], ["ea"]), node("Gather", ["tb", "x"], ["eb"]), node("Add", ["ea", "eb"], ["e"])],
      ...[node("Mul", ["e", "e"], ["q"]), node("MatMul", ["q", "w"], ["y"])],
      ...[init("ta", [9, 7], ta), init("tb", [9, 7], tb), init("w", [7, 4], w), value(11, "a", INT64, ["n"])],
      ...[value(11, "x", INT64, ["n"]), value(12, "q", FLOAT, ["n", 7]), y(4)],
    ),
    inputs: { a: { dtype: "I64", shape: [], below: 9 }, x: { dtype: "I64", shape: [], below: 9 } },
    outputs: 4,
    forward(given) {
      const [a = 0, b = 0] = [given["a"]?.[0], given["x"]?.[0]];
      return affine(
        none(7).map((_, m) => ((ta[a * 7 + m] ?? 0) + (tb[b * 7 + m] ?? 0)) ** 2),
        w,
        none(4),
      );
    },
  };
}

function pooled(): Architecture {
  const [scale, shift, mean, w] = [weights(2), weights(2), weights(2), weights(8 * 3)];
  const variance = [0.5, 2];
  return {
    name: "a batch norm and a maximum over windows",
    onnx: graph(
      node("BatchNormalization", ["x", "s", "t", "m", "v"], ["h"], float("epsilon", 1e-5)),
      node("MaxPool", ["h"], ["p"], ints("kernel_shape", 2), ints("strides", 2)),
      ...[
        node("Flatten", ["p"], ["f"]),
        node("MatMul", ["f", "w"], ["y"]),
        init("s", [2], scale),
        init("t", [2], shift),
      ],
      ...[init("m", [2], mean), init("v", [2], variance), init("w", [8, 3], w), x(2, 8), y(3)],
    ),
    inputs: { x: { dtype: "F32", shape: [2, 8] } },
    outputs: 3,
    forward(given) {
      const pooledRow = rowsOf(row(given), 8).flatMap((channel, c) => {
        const normed = channel.map(
          (v) => ((v - (mean[c] ?? 0)) / Math.sqrt((variance[c] ?? 1) + 1e-5)) * (scale[c] ?? 0) + (shift[c] ?? 0),
        );
        return rowsOf(normed, 2).map((pair) => Math.max(...pair));
      });
      return affine(pooledRow, w, none(3));
    },
  };
}

export const ARCHITECTURES: Architecture[] = [
  ...[mlp(), convolution(), layerNorm(), attention(), embedding(), gather(), recurrent(), half(), gated()],
  ...[twoInputs(), pooled()],
];
