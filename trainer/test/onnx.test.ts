import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../src/onnx/graph.ts";

describe("the graph builder refuses", () => {
  const graph = () => {
    const builder = new GraphBuilder("test");
    const x = builder.input("x", "float32", ["N", 2]);
    const w = builder.weight("w", new Float32Array(6), [2, 3]);
    const b = builder.weight("b", new Float32Array(3), [3]);
    return { builder, x, w, b };
  };

  test("sizes that do not meet, at compile time and when run", () => {
    const { builder, x, w, b } = graph();
    const y = builder.gemm("y", x, w, b);
    // @ts-expect-error y is [N, 3] and w takes 2
    expect(() => builder.gemm("z", y, w, b)).toThrow("z multiplies [N,3] by [2,3] and adds [3]");
    // @ts-expect-error x is [N, 2] and y is [N, 3]
    expect(() => builder.add("z", x, y)).toThrow("z adds [N,2] and [N,3]");
  });

  test("the wrong element type, at compile time", () => {
    const { builder, x } = graph();
    const indices = builder.input("i", "int64", ["N"]);
    // @ts-expect-error Relu takes float32
    const refused = () => builder.relu("z", indices);
    // @ts-expect-error Gather takes int64 indices of rank 1
    const refusedToo = () => builder.gather("z", x, x);
    expect([refused, refusedToo]).toHaveLength(2);
  });

  test("weights that do not fill their shape", () => {
    const { builder } = graph();
    expect(() => builder.weight("v", new Float32Array(5), [2, 3])).toThrow("v has 5 values for shape [2,3]");
  });

  test("a name twice, values of another graph, and a graph without output", () => {
    const { builder, x } = graph();
    expect(() => builder.relu("w", x)).toThrow('the name "w" is empty or taken');
    expect(() => builder.relu("y", graph().x)).toThrow("x belongs to another graph");
    expect(() => builder.finish()).toThrow("no output");
  });
});
