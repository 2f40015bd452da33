import type * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder, Value } from "../onnx/graph.ts";
import type { Random } from "../random.ts";
import { attend } from "./attention.ts";
import { matrix, normal, vector } from "./initial.ts";
import { EPSILON, layerNorm } from "./layer-norm.ts";
import { valuesOf, type WeightValues } from "./network.ts";
import { add, addRow, affine, linear } from "./operations.ts";

export const layerNormNames = ["none", "post"] as const;
export type LayerNormName = (typeof layerNormNames)[number];

export interface BlockSettings {
  /** Width of the residual stream. */
  readonly embedding: number;
  /** Width of the MLP. */
  readonly hidden: number;
  readonly heads: number;
  /** Times the usual initial weights. */
  readonly initialScale: number;
  /** `post`: after each addition to the stream, as in Power et al. */
  readonly layerNorm: LayerNormName;
}

/** A position of the sequence in a graph; the last one is a single row until it has read the others. */
export interface Position {
  readonly name: string;
  readonly stream: Value<"float32", readonly ["N" | 1, number]>;
}

/** Attention and MLP, each added to the stream. Positions see themselves and those before them. */
export class TransformerBlock {
  /** By name, in the order in which they are saved. */
  readonly weights: ReadonlyMap<string, tf.Variable>;
  readonly #prefix: string;
  readonly #settings: BlockSettings;
  readonly #attention: Readonly<Record<"key" | "query" | "value" | "output", tf.Variable<tf.Rank.R2>>>;
  readonly #mlp: {
    readonly rise: tf.Variable<tf.Rank.R2>;
    readonly riseBias: tf.Variable<tf.Rank.R1>;
    readonly fall: tf.Variable<tf.Rank.R2>;
    readonly fallBias: tf.Variable<tf.Rank.R1>;
  };
  readonly #norms: { readonly attention: Norm; readonly mlp: Norm } | null;

  /** `prefix` keeps the names of several blocks apart. */
  constructor(settings: BlockSettings, prefix: string, random: Random) {
    const { embedding: width, hidden, initialScale, layerNorm } = settings;
    this.#prefix = prefix;
    this.#settings = settings;
    const draw = normal(random, initialScale / Math.sqrt(width));
    const square = () => matrix(width, width, draw);
    const [key, query, value, output] = [square(), square(), square(), square()];
    const [rise, fall] = [matrix(width, hidden, draw), matrix(hidden, width, draw)];
    const [riseBias, fallBias] = [vector(hidden, () => 0), vector(width, () => 0)];
    this.#attention = { key, query, value, output };
    this.#mlp = { rise, riseBias, fall, fallBias };
    this.#norms = layerNorm === "none" ? null : { attention: newNorm(width), mlp: newNorm(width) };
    const named: Record<string, tf.Variable> = {
      ...{ "attention.key": key, "attention.query": query, "attention.value": value, "attention.output": output },
      ...{ "mlp.in.weight": rise, "mlp.in.bias": riseBias, "mlp.out.weight": fall, "mlp.out.bias": fallBias },
    };
    for (const [part, { gain, bias }] of Object.entries(this.#norms ?? {})) {
      named[`${part}.norm.gain`] = gain;
      named[`${part}.norm.bias`] = bias;
    }
    this.weights = new Map(Object.entries(named).map(([name, weight]) => [prefix + name, weight]));
  }

  /** The stream after the block, at every position, or at the last alone where no later block reads the others. */
  forward(stream: readonly tf.Tensor2D[], onlyLast: boolean): tf.Tensor2D[] {
    const { key, query, value, output } = this.#attention;
    const { rise, riseBias, fall, fallBias } = this.#mlp;
    const { embedding, heads } = this.#settings;
    const keys = stream.map((x) => linear(x, key));
    const values = stream.map((x) => linear(x, value));
    const scale = 1 / Math.sqrt(embedding / heads);
    return stream.slice(onlyLast ? -1 : 0).map((x, i) => {
      const seen = onlyLast ? stream.length : i + 1;
      const mixed = attend(linear(x, query), keys.slice(0, seen), values.slice(0, seen), { heads, scale });
      const moved = linear(mixed, output);
      const attended = normalize(
        x.shape[0] === moved.shape[0] ? add(moved, x) : addRow(moved, x),
        this.#norms?.attention,
      );
      const written = affine(affine(attended, rise, riseBias, "relu"), fall, fallBias);
      return normalize(add(attended, written), this.#norms?.mlp);
    });
  }

  /** The same as `forward` in a graph. */
  toOnnx(graph: GraphBuilder, values: WeightValues, positions: readonly Position[], onlyLast: boolean): Position[] {
    const { embedding: width, hidden, heads } = this.#settings;
    const weight = <const Shape extends readonly number[]>(name: string, shape: Shape) =>
      graph.weight(this.#prefix + name, valuesOf(values, this.#prefix + name), shape);
    const [keys, queries] = [weight("attention.key", [width, width]), weight("attention.query", [width, width])];
    const [toValue, output] = [weight("attention.value", [width, width]), weight("attention.output", [width, width])];
    const [rise, riseBias] = [weight("mlp.in.weight", [width, hidden]), weight("mlp.in.bias", [hidden])];
    const [fall, fallBias] = [weight("mlp.out.weight", [hidden, width]), weight("mlp.out.bias", [width])];
    const normalize = (part: "attention" | "mlp") => {
      if (this.#norms === null) return (_name: string, x: Rows) => x;
      const [gain, bias] = [weight(`${part}.norm.gain`, [width]), weight(`${part}.norm.bias`, [width])];
      return (name: string, x: Rows) => graph.layerNorm(name, x, gain, bias, EPSILON);
    };
    const [afterAttention, afterMlp] = [normalize("attention"), normalize("mlp")];

    const read = positions.map(({ name: position, stream }) => {
      const name = this.#prefix + position;
      const values = graph.matmul(`${name}.value`, stream, toValue);
      return {
        name,
        stream,
        keys: graph.matmul(`${name}.keys`, stream, keys),
        values: graph.splitRows(`${name}.values`, values, heads),
      };
    });
    return read.slice(onlyLast ? -1 : 0).map(({ name, stream }, i) => {
      const raw = graph.matmul(`${name}.question.raw`, stream, queries);
      const question = graph.scale(`${name}.question`, raw, 1 / Math.sqrt(width / heads));
      const seen = read.slice(0, onlyLast ? read.length : i + 1).map(({ name: from, keys, values }) => {
        const pair = `${name}.of.${from}`;
        // The one that may be a single row goes second.
        const [more, fewer] = keys.shape[0] === 1 ? [question, keys] : [keys, question];
        const products = graph.combine("Mul", `${pair}.products`, more, fewer);
        return { pair, values, score: graph.sum(`${pair}.score`, graph.splitRows(`${pair}.parts`, products, heads)) };
      });
      const mixed = graph.joinRows(`${name}.mixed`, mixBySoftmax(graph, name, seen));
      const moved = graph.matmul(`${name}.moved`, mixed, output);
      const attended = afterAttention(`${name}.normed`, graph.combine("Add", `${name}.attended`, moved, stream));
      const activations = graph.relu(`${name}.activations`, graph.gemm(`${name}.mlp.in`, attended, rise, riseBias));
      const written = graph.gemm(`${name}.mlp.out`, activations, fall, fallBias);
      const after = afterMlp(`${name}.stream.normed`, graph.add(`${name}.stream`, attended, written));
      return { name: positions.at(onlyLast ? -1 : i)?.name ?? name, stream: after };
    });
  }
}

type Rows = Value<"float32", readonly ["N" | 1, number]>;

interface Seen {
  readonly pair: string;
  /** [N or 1, heads] */
  readonly score: Rows;
  /** [N or 1, heads, width / heads] */
  readonly values: Value<"float32", readonly ["N" | 1, number, number]>;
}

/** Softmax, written out because one of the scores may be a single row; the first has a row for each example. */
function mixBySoftmax(graph: GraphBuilder, name: string, [first, ...others]: readonly Seen[]) {
  if (first === undefined) throw new Error(`${name} sees nothing`);
  const highest = others.reduce(
    (most, { pair, score }) => graph.combine("Max", `${pair}.highest`, most, score),
    first.score,
  );
  const zero = graph.combine("Sub", `${name}.zero`, highest, highest);
  const raised = [first, ...others].map(({ pair, score, values }) => {
    const rows = graph.combine("Add", `${pair}.rows`, zero, score);
    return { pair, values, share: graph.exp(`${pair}.raised`, graph.combine("Sub", `${pair}.below`, rows, highest)) };
  });
  const total = raised
    .map(({ share }) => share)
    .reduce((sum, share, i) => graph.combine("Add", `${name}.total.${i}`, sum, share));
  return raised
    .map(({ pair, values, share }) =>
      graph.weigh(`${pair}.weighed`, values, graph.combine("Div", `${pair}.share`, share, total)),
    )
    .reduce((sum, next, i) => graph.combine("Add", `${name}.mixed.${i}`, sum, next));
}

interface Norm {
  readonly gain: tf.Variable<tf.Rank.R1>;
  readonly bias: tf.Variable<tf.Rank.R1>;
}

const newNorm = (width: number): Norm => ({ gain: vector(width, () => 1), bias: vector(width, () => 0) });

const normalize = (x: tf.Tensor2D, norm: Norm | undefined): tf.Tensor2D =>
  norm === undefined ? x : layerNorm(x, norm.gain, norm.bias);
