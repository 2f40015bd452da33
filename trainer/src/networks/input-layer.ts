import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder, Value } from "../onnx/graph.ts";
import type { Random } from "../random.ts";
import { columnOf, type Split, type Task } from "../tasks/task.ts";
import { matrix, normal, uniform } from "./initial.ts";
import { valuesOf, type WeightValues } from "./network.ts";
import { embed, oneHot } from "./operations.ts";

/**
 * The first layer of every network here: each input has a table of its own, whose rows are picked by its symbol (or
 * multiplied by its numbers), and the inputs are summed.
 */
export class InputLayer {
  readonly weights: ReadonlyMap<string, tf.Variable<tf.Rank.R2>>;
  readonly #task: Task;
  readonly #width: number;

  constructor(task: Task, width: number, random: Random, scale: number) {
    this.#task = task;
    this.#width = width;
    this.weights = new Map(
      [...task.inputs].map(([name, kind]) => [
        tableOf(name),
        kind.kind === "symbol"
          ? matrix(kind.size, width, normal(random, scale))
          : matrix(kind.width, width, uniform(random, kind.width, scale)),
      ]),
    );
  }

  encode(split: Split): tf.Tensor2D[] {
    return [...this.#task.inputs].map(([name, kind]) => {
      const column = columnOf(split, name);
      if (kind.kind === "symbol") return oneHot(column, kind.size);
      return tf.tensor2d(
        Float32Array.from(column, (number) => number * kind.unit),
        [split.target.length, kind.width],
      );
    });
  }

  /** [examples, width] */
  forward(inputs: readonly tf.Tensor2D[]): tf.Tensor2D {
    const tables = [...this.weights.values()];
    if (inputs.length !== tables.length) throw new Error(`${tables.length} inputs wanted, ${inputs.length} given`);
    return embed(inputs, tables);
  }

  toOnnx(graph: GraphBuilder, values: WeightValues): Value<"float32", readonly ["N", number]> {
    const embedded = [...this.#task.inputs].map(([name, kind]) => {
      const rows = kind.kind === "symbol" ? kind.size : kind.width;
      const table = graph.weight(tableOf(name), valuesOf(values, tableOf(name)), [rows, this.#width]);
      if (kind.kind === "symbol") return graph.gather(`${name}.embedded`, table, graph.input(name, "int64", ["N"]));
      const whole = graph.toFloat(`${name}.whole`, graph.input(name, "int64", ["N", kind.width]));
      const numbers = kind.unit === 1 ? whole : graph.scale(`${name}.numbers`, whole, kind.unit);
      return graph.matmul(`${name}.embedded`, numbers, table);
    });
    return embedded.reduce((sum, next, i) => {
      const last = i === embedded.length - 1;
      return graph.add(last ? "embedded" : `embedded.${i}`, sum, next);
    });
  }
}

const tableOf = (input: string) => `embedding.${input}`;
