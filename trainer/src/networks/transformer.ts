import type * as tf from "@tensorflow/tfjs-core";
import { GraphBuilder, type Value } from "../onnx/graph.ts";
import type { Random } from "../random.ts";
import { columnOf, type Task } from "../tasks/task.ts";
import { attend } from "./attention.ts";
import { matrix, normal, vector } from "./initial.ts";
import { type Network, valuesOf, type WeightValues } from "./network.ts";
import { add, addRow, affine, embed, linear, oneHot, relu } from "./operations.ts";

export interface TransformerSettings {
  /** Width of the residual stream. */
  readonly embedding: number;
  /** Width of the MLP. */
  readonly hidden: number;
  readonly heads: number;
  /** Times the usual initial weights. */
  readonly initialScale: number;
}

/**
 * Decoder transformer of one layer without LayerNorm (Nanda et al. 2023, arXiv 2301.05217): one token per input and a
 * last one, `=`, at which the answer is read. So only the last token asks: its query is the same for every example,
 * and the causal mask hides nothing from it. Embedding and position of `=` are one vector. Tokens share one table, and
 * only their positions tell a from b: a pair whose mirror is trained on is no other kind of data to it than to a
 * network that is told that order does not matter.
 */
export function transformer(settings: TransformerSettings, task: Task, random: Random): Network {
  const { embedding: width, hidden, heads, initialScale: scale } = settings;
  if (width % heads !== 0) throw new Error(`${heads} heads cannot share a width of ${width}`);
  const inputs = [...task.inputs];
  const sizes = inputs.map(([name, kind]) => {
    if (kind.kind === "symbol") return kind.size;
    throw new Error(`the transformer reads symbols, and ${name} is numbers`);
  });
  const symbols = Math.max(...sizes);
  const { classes } = task;
  const draw = normal(random, scale / Math.sqrt(width));
  const square = () => matrix(width, width, draw);

  const tokens = matrix(symbols, width, draw);
  const positions = inputs.map(() => matrix(1, width, draw));
  const end = matrix(1, width, draw);
  const [key, query, value, output] = [square(), square(), square(), square()];
  const [rise, fall] = [matrix(width, hidden, draw), matrix(hidden, width, draw)];
  const [riseBias, fallBias] = [vector(hidden, () => 0), vector(width, () => 0)];
  const answer = matrix(width, classes, normal(random, scale / Math.sqrt(classes)));

  const positionOf = (name: string) => `position.${name}`;
  const weights = new Map<string, tf.Variable>([
    ["tokens", tokens],
    ...inputs.map(([name], i): [string, tf.Variable] => [positionOf(name), positions[i] as tf.Variable]),
    ["position.end", end],
    ...Object.entries({ "attention.key": key, "attention.query": query, "attention.value": value }),
    ...Object.entries({ "attention.output": output, "mlp.in.weight": rise, "mlp.in.bias": riseBias }),
    ...Object.entries({ "mlp.out.weight": fall, "mlp.out.bias": fallBias, "answer.weight": answer }),
  ]);
  const inverseRoot = 1 / Math.sqrt(width / heads);

  return {
    weights,
    hiddenMatrices: new Set([...weights.keys()].filter((name) => /^(attention|mlp).*(?<!bias)$/.test(name))),

    encode: (split) => inputs.map(([name]) => oneHot(columnOf(split, name), symbols)),

    logits(rows) {
      const stream = rows.map((row, i) => addRow(embed(row, tokens), positions[i] as tf.Tensor2D));
      if (stream.length !== inputs.length) throw new Error(`${inputs.length} inputs wanted, ${stream.length} given`);
      const all = [...stream, end];
      const [keys, values] = [key, value].map((weight) => all.map((x) => linear(x, weight))) as [Rows, Rows];
      const mixed = attend(linear(end, query), keys, values, { heads, scale: inverseRoot });
      const attended = addRow(linear(mixed, output), end);
      const activations = relu(affine(attended, rise, riseBias));
      return linear(add(attended, affine(activations, fall, fallBias)), answer);
    },

    toOnnx(values) {
      const graph = new GraphBuilder(task.name);
      const weight = weightsIn(graph, values);
      const table = weight("tokens", [symbols, width]);
      const last = weight("position.end", [1, width]);
      const keys = weight("attention.key", [width, width]);
      const question = graph.scale(
        "question",
        graph.matmul("question.raw", last, weight("attention.query", [width, width])),
        inverseRoot,
      );
      const valueWeight = weight("attention.value", [width, width]);

      // Both as [N or 1, heads] and [N or 1, heads, width / heads].
      const read = (name: string, x: Value<"float32", readonly ["N" | 1, number]>) => {
        const products = graph.combine("Mul", `${name}.products`, graph.matmul(`${name}.keys`, x, keys), question);
        const score = graph.sum(`${name}.score`, graph.splitRows(`${name}.parts`, products, heads));
        const values = graph.splitRows(`${name}.values`, graph.matmul(`${name}.value`, x, valueWeight), heads);
        return { name, score, values };
      };
      const [first, ...others] = inputs.map(([name]) => {
        const token = graph.gather(`${name}.token`, table, graph.input(name, "int64", ["N"]));
        return read(name, graph.combine("Add", `${name}.placed`, token, weight(positionOf(name), [1, width])));
      });
      if (first === undefined) throw new Error("the task has no inputs");
      const end = read("end", last);

      // Softmax, written out because one of the scores is a single row.
      const highest = [...others, end].reduce(
        (most, { name, score }) => graph.combine("Max", `${name}.highest`, most, score),
        first.score,
      );
      const zero = graph.combine("Sub", "zero", highest, highest);
      const raised = [first, ...others, end].map(({ name, score, values }) => {
        const rows = graph.combine("Add", `${name}.rows`, zero, score);
        return {
          name,
          values,
          share: graph.exp(`${name}.raised`, graph.combine("Sub", `${name}.below`, rows, highest)),
        };
      });
      const total = raised
        .map(({ share }) => share)
        .reduce((sum, share, i) => graph.combine("Add", `total.${i}`, sum, share));
      const mixed = raised
        .map(({ name, values, share }) =>
          graph.weigh(`${name}.weighed`, values, graph.combine("Div", `${name}.share`, share, total)),
        )
        .reduce((sum, next, i) => graph.combine("Add", `mixed.${i}`, sum, next));

      const joined = graph.joinRows("mixed", mixed);
      const moved = graph.matmul("attention", joined, weight("attention.output", [width, width]));
      const attended = graph.combine("Add", "attended", moved, last);
      const [riseWeight, riseRow] = [weight("mlp.in.weight", [width, hidden]), weight("mlp.in.bias", [hidden])];
      const activations = graph.relu("activations", graph.gemm("mlp.in", attended, riseWeight, riseRow));
      const [fallWeight, fallRow] = [weight("mlp.out.weight", [hidden, width]), weight("mlp.out.bias", [width])];
      const stream = graph.add("stream", attended, graph.gemm("mlp.out", activations, fallWeight, fallRow));
      graph.output(graph.matmul("logits", stream, weight("answer.weight", [width, classes])));
      return graph.finish();
    },
  };
}

type Rows = tf.Tensor2D[];

const weightsIn =
  (graph: GraphBuilder, values: WeightValues) =>
  <const Shape extends readonly number[]>(name: string, shape: Shape) =>
    graph.weight(name, valuesOf(values, name), shape);
