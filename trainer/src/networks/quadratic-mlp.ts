import type * as tf from "@tensorflow/tfjs-core";
import { GraphBuilder } from "../onnx/graph.ts";
import type { Random } from "../random.ts";
import type { Task } from "../tasks/task.ts";
import { matrix, normal } from "./initial.ts";
import { InputLayer } from "./input-layer.ts";
import { type Network, valuesOf } from "./network.ts";
import { linear, square } from "./operations.ts";

export interface QuadraticMlpSettings {
  /** Width of the one hidden layer. */
  readonly hidden: number;
  /** Times the usual initial weights. */
  readonly initialScale: number;
}

/**
 * logits = W2 (A[a] + B[b] + ...)^2, without biases: Gromov's two-layer network for modular arithmetic (2023, arXiv
 * 2301.02679), whose weights can be written down. Initial weights are normal and so small that it starts near zero.
 */
export function quadraticMlp({ hidden, initialScale }: QuadraticMlpSettings, task: Task, random: Random): Network {
  const { classes } = task;
  const inputLayer = new InputLayer(task, hidden, random, initialScale / Math.sqrt(hidden));
  const output = matrix(hidden, classes, normal(random, initialScale / Math.sqrt(hidden)));

  return {
    weights: new Map<string, tf.Variable>([...inputLayer.weights, ["output.weight", output]]),
    hiddenMatrices: new Set(),

    encode: (split) => inputLayer.encode(split),

    logits: (inputs) => linear(square(inputLayer.forward(inputs)), output),

    toOnnx(values) {
      const graph = new GraphBuilder(task.name);
      const embedded = inputLayer.toOnnx(graph, values);
      const activations = graph.multiply("activations", embedded, embedded);
      const weight = graph.weight("output.weight", valuesOf(values, "output.weight"), [hidden, classes]);
      graph.output(graph.matmul("logits", activations, weight));
      return graph.finish();
    },
  };
}
