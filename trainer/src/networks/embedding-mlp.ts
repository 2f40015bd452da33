import type * as tf from "@tensorflow/tfjs-core";
import { GraphBuilder } from "../onnx/graph.ts";
import type { Random } from "../random.ts";
import type { Task } from "../tasks/task.ts";
import { matrix, uniform, vector } from "./initial.ts";
import { InputLayer } from "./input-layer.ts";
import { type Network, valuesOf } from "./network.ts";
import { affine, relu } from "./operations.ts";

export interface EmbeddingMlpSettings {
  /** Width of the embeddings. */
  readonly embedding: number;
  /** Width of the hidden layer. */
  readonly hidden: number;
  /** Times the usual initial weights. */
  readonly initialScale: number;
}

/** logits = W2 relu(W1 (A[a] + B[b] + ...) + b1) + b2, with a table of its own for each input. */
export function embeddingMlp(settings: EmbeddingMlpSettings, task: Task, random: Random): Network {
  const { embedding, hidden, initialScale: scale } = settings;
  const { classes } = task;
  const inputLayer = new InputLayer(task, embedding, random, scale);
  const weights = {
    "hidden.weight": matrix(embedding, hidden, uniform(random, embedding, scale)),
    "hidden.bias": vector(hidden, uniform(random, embedding, scale)),
    "output.weight": matrix(hidden, classes, uniform(random, hidden, scale)),
    "output.bias": vector(classes, uniform(random, hidden, scale)),
  };

  return {
    weights: new Map<string, tf.Variable>([...inputLayer.weights, ...Object.entries(weights)]),
    hiddenMatrices: new Set(["hidden.weight"]),

    encode: (split) => inputLayer.encode(split),

    logits(inputs) {
      const embedded = inputLayer.forward(inputs);
      const activations = relu(affine(embedded, weights["hidden.weight"], weights["hidden.bias"]));
      return affine(activations, weights["output.weight"], weights["output.bias"]);
    },

    toOnnx(values) {
      const graph = new GraphBuilder(task.name);
      const weight = <const Shape extends readonly number[]>(name: keyof typeof weights, shape: Shape) =>
        graph.weight(name, valuesOf(values, name), shape);
      const embedded = inputLayer.toOnnx(graph, values);
      const hiddenWeight = weight("hidden.weight", [embedding, hidden]);
      const before = graph.gemm("hidden", embedded, hiddenWeight, weight("hidden.bias", [hidden]));
      const activations = graph.relu("activations", before);
      const outputWeight = weight("output.weight", [hidden, classes]);
      graph.output(graph.gemm("logits", activations, outputWeight, weight("output.bias", [classes])));
      return graph.finish();
    },
  };
}
