import { expect, test } from "vitest";
import { readLayers } from "../../src/services/evaluation/layers.ts";
import { GraphBuilder } from "../../trainer/src/onnx/graph.ts";

function fileOf(names: readonly string[]): Uint8Array {
  const graph = new GraphBuilder("matrices");
  const row = graph.input("row", "int64", ["N"]);
  names.forEach((name, n) => {
    graph.output(graph.gather(`y${n}`, graph.weight(name, Float32Array.of(2, 0, 0, 2), [2, 2]), row));
  });
  return graph.finish();
}

test("however many matrices a file has, the first sixteen are kept", () => {
  const names = Array.from({ length: 20 }, (_, n) => `w${n}`);
  expect(Object.keys(readLayers(fileOf(names)))).toEqual(names.slice(0, 16));
});

test("a name that objects have themselves is a name like others, and one that is too long is left out", () => {
  const layers = readLayers(fileOf(["n".repeat(129), "__proto__", "n".repeat(128)]));
  expect(Object.keys(layers)).toEqual(["__proto__", "n".repeat(128)]);
});
