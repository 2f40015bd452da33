import type * as tf from "@tensorflow/tfjs-core";
import { GraphBuilder, type Value } from "../onnx/graph.ts";
import type { Random } from "../random.ts";
import type { Task } from "../tasks/task.ts";
import { matrix, uniform, vector } from "./initial.ts";
import { InputLayer } from "./input-layer.ts";
import { type Network, valuesOf } from "./network.ts";
import { affine } from "./operations.ts";

export interface EmbeddingMlpSettings {
  /** Width of the embeddings. */
  readonly embedding: number;
  /** Width of the hidden layers. */
  readonly hidden: number;
  /** How many of them. */
  readonly layers: number;
  /** Times the usual initial weights. */
  readonly initialScale: number;
}

/**
 * logits = W2 relu(W1 (A[a] + B[b] + ...) + b1) + b2, with a table of its own for each input, and further layers like
 * W1 where there are more.
 */
export function embeddingMlp(settings: EmbeddingMlpSettings, task: Task, random: Random): Network {
  const { embedding, hidden, layers, initialScale: scale } = settings;
  const { classes } = task;
  const inputLayer = new InputLayer(task, embedding, random, scale);
  const layer = (name: string, inputs: number, outputs: number) => ({
    ...{ name, inputs, outputs },
    weight: matrix(inputs, outputs, uniform(random, inputs, scale)),
    bias: vector(outputs, uniform(random, inputs, scale)),
  });
  const hiddenLayers = Array.from({ length: layers }, (_, i) =>
    layer(i === 0 ? "hidden" : `hidden.${i + 1}`, i === 0 ? embedding : hidden, hidden),
  );
  const output = layer("output", hidden, classes);
  const weights = [...hiddenLayers, output].flatMap(({ name, weight, bias }): [string, tf.Variable][] => [
    [`${name}.weight`, weight],
    [`${name}.bias`, bias],
  ]);

  return {
    weights: new Map<string, tf.Variable>([...inputLayer.weights, ...weights]),
    hiddenMatrices: new Set(hiddenLayers.map(({ name }) => `${name}.weight`)),

    encode: (split) => inputLayer.encode(split),

    logits(inputs) {
      const activations = hiddenLayers.reduce(
        (x, { weight, bias }) => affine(x, weight, bias, "relu"),
        inputLayer.forward(inputs),
      );
      return affine(activations, output.weight, output.bias);
    },

    toOnnx(values) {
      const graph = new GraphBuilder(task.name);
      const read = <const Shape extends readonly number[]>(name: string, shape: Shape) =>
        graph.weight(name, valuesOf(values, name), shape);
      const apply = ({ name, inputs, outputs }: typeof output, as: string, x: Rows) =>
        graph.gemm(as, x, read(`${name}.weight`, [inputs, outputs]), read(`${name}.bias`, [outputs]));
      const activations = hiddenLayers.reduce<Rows>(
        (x, layer) => graph.relu(`${layer.name}.activations`, apply(layer, layer.name, x)),
        inputLayer.toOnnx(graph, values),
      );
      graph.output(apply(output, "logits", activations));
      return graph.finish();
    },
  };
}

type Rows = Value<"float32", readonly ["N", number]>;
