import * as tf from "@tensorflow/tfjs-core";
import { GraphBuilder } from "../onnx/graph.ts";
import type { Random } from "../random.ts";
import type { Split, Task } from "../tasks/task.ts";
import type { Network, WeightValues } from "./network.ts";
import { add, affine, embed, oneHot, relu } from "./operations.ts";

export interface EmbeddingMlpSettings {
  /** Width of the embeddings. */
  readonly embedding: number;
  /** Width of the hidden layer. */
  readonly hidden: number;
}

/** logits = W2 relu(W1 (A[a] + B[b]) + b1) + b2, with a table of its own for each of the two operands. */
export function embeddingMlp(settings: EmbeddingMlpSettings, task: Task, random: Random): Network {
  const { embedding, hidden } = settings;
  const { classes } = task;
  const weights = {
    "embedding.a": matrix(classes, embedding, random.normal),
    "embedding.b": matrix(classes, embedding, random.normal),
    "hidden.weight": matrix(embedding, hidden, uniform(random, embedding)),
    "hidden.bias": vector(hidden, uniform(random, embedding)),
    "output.weight": matrix(hidden, classes, uniform(random, hidden)),
    "output.bias": vector(classes, uniform(random, hidden)),
  };

  return {
    weights: new Map<string, tf.Variable>(Object.entries(weights)),

    encode: (split) => [oneHot(columnOf(split, "a"), classes), oneHot(columnOf(split, "b"), classes)],

    logits([a, b]) {
      if (a === undefined || b === undefined) throw new Error("the network adds two operands");
      const embedded = add(embed(a, weights["embedding.a"]), embed(b, weights["embedding.b"]));
      const activations = relu(affine(embedded, weights["hidden.weight"], weights["hidden.bias"]));
      return affine(activations, weights["output.weight"], weights["output.bias"]);
    },

    toOnnx(values) {
      const graph = new GraphBuilder(task.name);
      const weight = <const Shape extends readonly number[]>(name: keyof typeof weights, shape: Shape) =>
        graph.weight(name, valuesOf(values, name), shape);
      const a = graph.gather(
        "a.embedded",
        weight("embedding.a", [classes, embedding]),
        graph.input("a", "int64", ["N"]),
      );
      const b = graph.gather(
        "b.embedded",
        weight("embedding.b", [classes, embedding]),
        graph.input("b", "int64", ["N"]),
      );
      const embedded = graph.add("embedded", a, b);
      const hiddenWeight = weight("hidden.weight", [embedding, hidden]);
      const before = graph.gemm("hidden", embedded, hiddenWeight, weight("hidden.bias", [hidden]));
      const activations = graph.relu("activations", before);
      const outputWeight = weight("output.weight", [hidden, classes]);
      graph.output(graph.gemm("logits", activations, outputWeight, weight("output.bias", [classes])));
      return graph.finish();
    },
  };
}

const vector = (size: number, draw: () => number): tf.Variable<tf.Rank.R1> =>
  tf.tidy(() => tf.variable(tf.tensor1d(Float32Array.from({ length: size }, draw))));

const matrix = (rows: number, columns: number, draw: () => number): tf.Variable<tf.Rank.R2> =>
  tf.tidy(() => tf.variable(tf.tensor2d(Float32Array.from({ length: rows * columns }, draw), [rows, columns])));

/** PyTorch's default for a linear layer, which the setup was tuned with. */
function uniform(random: Random, inputs: number): () => number {
  const bound = 1 / Math.sqrt(inputs);
  return () => (2 * random.uniform() - 1) * bound;
}

function columnOf(split: Split, input: string): Int32Array {
  const column = split.inputs[input];
  if (column === undefined) throw new Error(`the split has no input ${input}`);
  return column;
}

function valuesOf(values: WeightValues, name: string): Float32Array {
  const found = values.get(name);
  if (found === undefined) throw new Error(`no values for ${name}`);
  return found;
}
