import type * as tf from "@tensorflow/tfjs-core";
import { GraphBuilder } from "../onnx/graph.ts";
import type { Random } from "../random.ts";
import { columnOf, type Task } from "../tasks/task.ts";
import { matrix, normal } from "./initial.ts";
import { type Network, valuesOf } from "./network.ts";
import { addRow, embed, linear, oneHot } from "./operations.ts";
import { type BlockSettings, type Position, TransformerBlock } from "./transformer-block.ts";

export interface TransformerSettings extends BlockSettings {
  /** How many blocks of attention and MLP. */
  readonly layers: number;
}

/**
 * Decoder transformer: one token per input and a last one, `=`, at which the answer is read. One layer without
 * LayerNorm is Nanda's (2023, arXiv 2301.05217), two with `post` are Power's (2022, arXiv 2201.02177) but for learned
 * positions and the MLP's biases. In the last block only the last token asks, and the causal mask hides nothing from
 * it. Embedding and position of `=` are one vector. Tokens share one table, and only their positions tell a from b: a
 * pair whose mirror is trained on is no other kind of data to it than to a network that is told that order does not
 * matter.
 */
export function transformer(settings: TransformerSettings, task: Task, random: Random): Network {
  const { embedding: width, initialScale: scale, layers } = settings;
  const inputs = [...task.inputs.keys()];
  const sizes = [...task.inputs].map(([name, kind]) => {
    if (kind.kind === "symbol") return kind.size;
    throw new Error(`the transformer reads symbols, and ${name} is numbers`);
  });
  const symbols = Math.max(...sizes);
  const { classes } = task;
  const draw = normal(random, scale / Math.sqrt(width));

  const tokens = matrix(symbols, width, draw);
  const positions = inputs.map(() => matrix(1, width, draw));
  const end = matrix(1, width, draw);
  const blocks = Array.from(
    { length: layers },
    (_, i) => new TransformerBlock(settings, i === 0 ? "" : `layer${i + 1}.`, random),
  );
  const answer = matrix(width, classes, normal(random, scale / Math.sqrt(classes)));

  const inside = blocks.flatMap((block) => [...block.weights]);
  const weights = new Map<string, tf.Variable>([
    ["tokens", tokens],
    ...inputs.map((name, i): [string, tf.Variable] => [positionOf(name), positions[i] as tf.Variable]),
    ["position.end", end],
    ...inside,
    ["answer.weight", answer],
  ]);

  return {
    weights,
    hiddenMatrices: new Set(inside.filter(([, weight]) => weight.rank === 2).map(([name]) => name)),

    encode: (split) => inputs.map((name) => oneHot(columnOf(split, name), symbols)),

    logits(rows) {
      if (rows.length !== inputs.length) throw new Error(`${inputs.length} inputs wanted, ${rows.length} given`);
      const placed = rows.map((row, i) => addRow(embed([row], [tokens]), positions[i] as tf.Tensor2D));
      const stream = blocks.reduce<tf.Tensor2D[]>(
        (stream, block, i) => block.forward(stream, i === layers - 1),
        [...placed, end],
      );
      return linear(stream.at(-1) as tf.Tensor2D, answer);
    },

    toOnnx(values) {
      const graph = new GraphBuilder(task.name);
      const weight = <const Shape extends readonly number[]>(name: string, shape: Shape) =>
        graph.weight(name, valuesOf(values, name), shape);
      const table = weight("tokens", [symbols, width]);
      const placed = inputs.map((name): Position => {
        const token = graph.gather(`${name}.token`, table, graph.input(name, "int64", ["N"]));
        return { name, stream: graph.combine("Add", `${name}.placed`, token, weight(positionOf(name), [1, width])) };
      });
      const stream = blocks.reduce<Position[]>(
        (positions, block, i) => block.toOnnx(graph, values, positions, i === layers - 1),
        [...placed, { name: "end", stream: weight("position.end", [1, width]) }],
      );
      const [last] = stream;
      if (last === undefined) throw new Error("the transformer has no layers");
      graph.output(graph.matmul("logits", last.stream, weight("answer.weight", [width, classes])));
      return graph.finish();
    },
  };
}

const positionOf = (name: string) => `position.${name}`;
