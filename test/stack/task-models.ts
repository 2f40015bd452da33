import { FLOAT, floats, initializer, model, node, text, value } from "../tensors/onnx-builder.ts";

const INT64 = 7;

/** y = x w + b with y of `b.length` numbers. */
export function linear(w: number[], b: number[]): Uint8Array<ArrayBuffer> {
  const width = b.length;
  const inputs = w.length / width;
  return copy(
    model([
      node("MatMul", ["x", "w"], ["xw"]),
      node("Add", ["xw", "b"], ["y"]),
      text(2, "linear"),
      initializer("w", FLOAT, [inputs, width], floats(...w)),
      initializer("b", FLOAT, [width], floats(...b)),
      value(11, "x", FLOAT, ["batch", inputs]),
      value(12, "y", FLOAT, ["batch", width]),
    ]),
  );
}

/** Two outputs of the same input, each a linear map. */
export function twoAnswers(first: number[], second: number[], width: number): Uint8Array<ArrayBuffer> {
  const inputs = first.length / width;
  return copy(
    model([
      node("MatMul", ["x", "v"], ["first"]),
      node("Gemm", ["x", "w"], ["second"]),
      text(2, "two"),
      initializer("v", FLOAT, [inputs, width], floats(...first)),
      initializer("w", FLOAT, [inputs, width], floats(...second)),
      value(11, "x", FLOAT, ["batch", inputs]),
      value(12, "first", FLOAT, ["batch", width]),
      value(12, "second", FLOAT, ["batch", width]),
    ]),
  );
}

/** Scores of three classes for each of a row's tokens, read from a table. */
export function tokenTable(table: number[], classes: number): Uint8Array<ArrayBuffer> {
  return copy(
    model([
      node("Gather", ["table", "x"], ["y"]),
      text(2, "table"),
      initializer("table", FLOAT, [table.length / classes, classes], floats(...table)),
      value(11, "x", INT64, ["batch", "tokens"]),
      value(12, "y", FLOAT, ["batch", "tokens", classes]),
    ]),
  );
}

const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes);
